from __future__ import annotations

import json
import subprocess

import pytest

from lite_env.errors import PrefixError
from lite_env.prefix import families
from lite_env.prefix.families.family import Recognised
from lite_env.prefix.model import KernelFile
from lite_env.prefix.reader import read_prefix
from tests.prefixes import WASM, Heard, Toy, kernel_package, make_prefix, put

SPEC = "share/jupyter/kernels/toy/kernel.json"


def kernels_of(tmp_path, *packages, **options):
    return read_prefix(make_prefix(tmp_path, *packages), **options).kernels


@pytest.mark.parametrize(
    "program",
    [
        "@PREFIX@/bin/xtoy",
        "/home/conda/feedstock_root/build_artifacts/x_1/_h_env_placehold_placehold/bin/xtoy",
        "/bin/xtoy",
        "//bin/xtoy",
        "bin/xtoy",
        "C:\\bld\\_h_env\\bin\\xtoy",
        "$PREFIX/bin/xtoy",
    ],
)
def test_the_kernel_is_found_whatever_stands_before_it(tmp_path, program):
    (kernel,) = kernels_of(tmp_path, kernel_package(argv=["/x/xtoy", "-f", "{connection_file}"]), _spec(argv=[program]))
    assert kernel.argv == ("/bin/xtoy",)
    assert [(file.role, file.path) for file in kernel.binaries] == [
        ("script", "bin/xtoy.js"),
        ("wasm", "bin/xtoy.wasm"),
    ]
    assert json.loads(kernel.document)["argv"] == ["/bin/xtoy"]


def _spec(**document):
    """A package that brings (again) the kernel.json of `kernel_package`."""
    return Toy(name="xeus-toyspec", files={SPEC: json.dumps({"language": "toy", **document})})


def test_the_build_folder_leaks_nowhere(tmp_path):
    build = "/opt/build/_h_env_placehold"
    spec = {
        "argv": [f"{build}/bin/xtoy", f"--data={build}/share/toy"],
        "env": {"TOY": f"{build}/lib:{build}/share"},
        "metadata": {"shared": {"libtoy.so": f"{build}/lib/libtoy.so"}},
    }
    extra = {"lib/libtoy.so": WASM}
    (kernel,) = kernels_of(tmp_path, kernel_package(argv=["/x/xtoy"], **extra), _spec(**spec))
    assert "placehold" not in kernel.document
    document = json.loads(kernel.document)
    assert document["argv"] == ["/bin/xtoy", "--data=/share/toy"]
    assert document["env"] == {"TOY": "/lib:/share"}
    assert kernel.file("shared") == "lib/libtoy.so"


def test_what_a_kernelspec_has_is_read(tmp_path):
    package = kernel_package(language="python", **{"bin/xtoy.data": b"d", "lib/libxeus.so": WASM})
    spec = _spec(argv=["/bin/xtoy"], display_name="Toy 1", metadata={"shared": {"libxeus.so": "lib/libxeus.so"}})
    (kernel,) = kernels_of(tmp_path, package, spec)
    assert (kernel.name, kernel.display_name, kernel.language) == ("toy", "Toy 1", "toy")
    assert [(file.role, file.name, file.path) for file in kernel.binaries] == [
        ("script", "xtoy.js", "bin/xtoy.js"),
        ("wasm", "xtoy.wasm", "bin/xtoy.wasm"),
        ("data", "xtoy.data", "bin/xtoy.data"),
        ("shared", "libxeus.so", "lib/libxeus.so"),
    ]
    assert (kernel.runtime.family, kernel.runtime.interpreter, kernel.runtime.worker) == ("xeus", None, "classic")
    assert kernel.logos == ("share/jupyter/kernels/toy/logo-64x64.png",)
    assert kernel.spec == SPEC


def test_several_kernels_are_sorted(tmp_path):
    found = kernels_of(tmp_path, kernel_package("xeus-b", kernel="b"), kernel_package("xeus-a", kernel="a"))
    assert [kernel.name for kernel in found] == ["a", "b"]


def test_a_native_kernelspec_is_left_out_with_a_warning(tmp_path):
    native = Toy(
        name="ipykernel", files={"share/jupyter/kernels/python3/kernel.json": '{"argv": ["python", "-m", "x"]}'}
    )
    heard = Heard()
    (kernel,) = kernels_of(tmp_path, kernel_package(), native, reporter=heard)
    assert kernel.name == "toy"
    assert heard.warnings == ["the kernel 'python3' starts 'python', a native program: it is left out"]


@pytest.mark.parametrize(("missing", "suffix"), [("bin/xtoy.js", ".js"), ("bin/xtoy.wasm", ".wasm")])
def test_a_missing_script_or_module_is_named(tmp_path, missing, suffix):
    package = kernel_package()
    files = {path: content for path, content in package.files.items() if path != missing}
    with pytest.raises(PrefixError, match=f"the kernel 'toy' lacks its 'bin/xtoy\\{suffix}'") as caught:
        kernels_of(tmp_path, Toy(name="xeus-toy", files=files))
    assert "the package xeus-toy" in caught.value.hint
    assert dict(caught.value.context)["file"] == SPEC


def test_a_kernel_with_neither_is_named(tmp_path):
    with pytest.raises(
        PrefixError, match=r"has neither script nor module: 'xtoy\.js' and 'xtoy\.wasm' are not"
    ) as caught:
        kernels_of(tmp_path, Toy(name="toy", files={SPEC: '{"argv": ["/opt/bin/xtoy"]}'}))
    assert "'toy' may be built for another platform than emscripten-wasm32" in caught.value.hint
    assert dict(caught.value.context) == {"argv": "/opt/bin/xtoy", "file": SPEC}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "'kernel.json' is not JSON"),
        ("[]", "'kernel.json' is JSON, but not an object"),
        ("{}", "'argv' is not a list of texts"),
        ('{"argv": []}', "'argv' is not a list of texts"),
        ('{"argv": "x"}', "'argv' is not a list of texts"),
        ('{"argv": ["bin/xtoy", 1]}', "'argv' is not a list of texts"),
        ('{"argv": ["bin/xtoy"], "metadata": {"shared": ["a"]}}', "'metadata.shared' is not an object"),
        (
            '{"argv": ["bin/xtoy"], "metadata": {"shared": {"liba.so": "lib/liba.so"}}}',
            "the kernel 'toy' needs 'liba.so', but 'lib/liba.so' is not in the environment",
        ),
    ],
)
def test_a_wrong_kernel_json_is_refused(tmp_path, text, reason):
    prefix = make_prefix(tmp_path, kernel_package())
    put(prefix, SPEC, text)
    with pytest.raises(PrefixError, match=reason):
        read_prefix(prefix)


def test_a_kernel_of_an_unknown_family_is_refused(tmp_path):
    prefix = make_prefix(tmp_path, kernel_package("webr"))
    put(prefix, "bin/xtoy.js", "var createWebR = 1;")
    with pytest.raises(PrefixError, match="the kernel 'toy' is of a family that lite-env cannot start") as caught:
        read_prefix(prefix)
    assert dict(caught.value.context)["package"] == "webr"


def test_a_xeus_kernel_need_not_be_called_xeus(tmp_path):
    (kernel,) = kernels_of(tmp_path, kernel_package("lfortran", kernel="fortran"))
    assert kernel.name == "fortran"


MODULES = [
    "async function createXeusModule() {}\nexport default createXeusModule;\n",
    "var createXeusModule=(()=>{return function(){}})();export default createXeusModule;",
    "function createXeusModule(){}export default createXeusModule",
    "function createXeusModule(){} /* all of it */ export{createXeusModule as default};",
    "export default async function createXeusModule() {}\n",
    "var createXeusModule = 1;\n// the end\nexport {\n  createXeusModule as default,\n};\n",
    # Behind what only looks as if a text or a comment began in it.
    "var createXeusModule = s => s.replace(/['\"`]/g, '/*');\nexport default createXeusModule;\n",
    "var createXeusModule = `${`export`} it's`;export default createXeusModule;",
    'var createXeusModule = (1 / 2) + "/";export default createXeusModule;\nisPthread && createXeusModule();\n',
]
SCRIPTS = [
    "var createXeusModule = 1;\n",
    "var createXeusModule = 1;\nthrow new Error('as a module, use: export { default }');\n",
    'var createXeusModule = 1;\nerr("x;export default y");\n',
    "var createXeusModule = 1;\n/* A bundler wants\nexport default createXeusModule;\n*/\n",
    "var createXeusModule = 1;\n//;export default createXeusModule;\n",
    "var createXeusModule = `\nexport default createXeusModule;\n`;\n",
    "var createXeusModule = 1;\nif (obj.export) {\n  obj.export\n  {\n  }\n}\n",
    "var createXeusModule = 'it\\\\', quote = '\\';export default 1';\n",
    "var createXeusModule = /[/'];export default x/;\n",
    "var createXeusModule = 1, exports = {}; exports.export = {}; my_export: {}\n",
]


def worker_of(tmp_path, script):
    prefix = make_prefix(tmp_path, kernel_package())
    put(prefix, "bin/xtoy.js", script)
    (kernel,) = read_prefix(prefix).kernels
    return kernel.runtime.worker


@pytest.mark.parametrize("script", MODULES)
def test_a_script_that_is_a_module_asks_for_a_worker_of_modules(tmp_path, script):
    assert worker_of(tmp_path, script) == "module"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_that_only_speaks_of_modules_is_a_classic_one(tmp_path, script):
    assert worker_of(tmp_path, script) == "classic"


@pytest.mark.node
@pytest.mark.parametrize("script", [*MODULES, *SCRIPTS])
def test_what_a_script_is_taken_for_is_what_node_takes_it_for(script):
    check = "new (require('node:vm').Script)(require('node:fs').readFileSync(0, 'utf8'))"
    ran = subprocess.run(["node", "-e", check], input=script, capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) == (script in SCRIPTS), ran.stderr


def test_a_family_is_told_by_its_files_and_one_that_nobody_knows_is_no_error_of_another(tmp_path, monkeypatch):
    """A family is a line in the table: what it recognises is its own, whatever the others need."""

    class Pure:
        name = "pure"
        mark = "kernels of pure: their kernel.json says so"
        example = "pure"

        def recognise(self, candidate):
            if candidate.document.get("metadata") != {"pure": True}:
                return None
            return Recognised(files=(KernelFile(role="zip", name="all.zip", path="share/all.zip"),), worker="module")

        def takes_variables(self, root, kernel):
            return (root / kernel.file("zip")).is_file()

    monkeypatch.setattr(families, "FAMILIES", (*families.FAMILIES, Pure()))
    pure = {
        "share/jupyter/kernels/pure/kernel.json": json.dumps({"argv": ["pure"], "metadata": {"pure": True}}),
        "share/all.zip": b"zip",
    }
    state = {"conda-meta/state": json.dumps({"env_vars": {"A": "1"}})}
    prefix = make_prefix(tmp_path, kernel_package(), Toy(name="pure", files=pure), local=state)
    kernels = {kernel.name: kernel for kernel in read_prefix(prefix).kernels}
    assert {name: kernel.runtime.family for name, kernel in kernels.items()} == {"pure": "pure", "toy": "xeus"}
    assert kernels["pure"].runtime.worker == "module"
    assert kernels["pure"].argv == ("pure",)
    assert kernels["pure"].paths == ("share/jupyter/kernels/pure/kernel.json", "share/all.zip")
