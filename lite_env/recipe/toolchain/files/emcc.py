"""emcc and em++ as build systems call them, done by stock clang and wasm-ld: objects, side modules, and questions.

What a build asks by linking a program (whether a function exists) is answered by Emscripten's own static libraries. A
program itself is not made: what a kernel loads is all that is needed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent / "share/emscripten"
SYSROOT = ROOT / "sysroot"
LIBRARIES = SYSROOT / "lib/wasm32-emscripten"
TARGET = "wasm32-unknown-emscripten"
SOURCES = (".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".s", ".S", ".i", ".ii")
OBJECTS = (".o", ".obj", ".lo", ".a", ".so", ".bc")
# What is not linked: asked about, compiled, or preprocessed.
COMPILES = frozenset({"-c", "-E", "-S", "-M", "-MM", "-fsyntax-only", "-print-search-dirs", "-###"})
# The main module brings these, or there is nothing in them.
IN_MAIN = frozenset({"c", "m", "dl", "pthread", "rt", "util", "gcc", "gcc_s", "stdc++", "c++", "c++abi", "atomic"})
# Options of the compiler that are of the machine that builds, or of Emscripten's own linker.
FOREIGN = re.compile(
    r"-pthread|-march=.*|-mtune=.*|-m64|-m32|-msse.*|-mavx.*|-mfpmath=.*|-rdynamic|-static-lib.*|-no-pie|-pie|-fPIE"
    r"|-fno-plt|-fstack-protector.*|-fstack-clash-protection|-fcf-protection.*|-flto.*|-fuse-ld=.*|-pipe|--emrun|--bind"
)
# Options of the linker that wasm-ld does not have, or that mean nothing in a browser.
FOREIGN_TO_LINKER = re.compile(
    r"-rpath.*|--(no-)?as-needed|--(start|end)-group|-O\d?|--sort-common|--hash-style.*|-z|relro|now|defs|--build-id.*"
    r"|--version-script.*|--no-undefined|--allow-shlib-undefined|--(dis|en)able-new-dtags|-Bsymbolic.*|-soname.*"
    r"|--exclude-libs.*"
)
# What a runtime's JavaScript brings, and no static library has.
OF_JAVASCRIPT = re.compile(
    r"__syscall_|_*emscripten_|__cxa_|invoke_|_*wasi|_(tzset|mmap|munmap|msync|localtime|mktime|gmtime|timegm|abort)_js"
    r"|_setitimer_js|_dl|_*setThrew|[gs]etTempRet0|__resumeException|llvm_eh|__assert_fail|proc_exit|fd_|environ_|clock_"
    r"|args_|random_get|abort$|_*exit$|sched_|_*main|stack|__wasm|(save|test)Setjmp|_Unwind|__gxx|get(addr|name)info"
    r"|getprotobyname|__call_sighandler"
)
UNDEFINED = re.compile(r"undefined symbol: (.+)")


class Parts(NamedTuple):
    """The words of a command that links, sorted."""

    inputs: list[str]
    libraries: list[str]
    for_linker: list[str]
    for_compiler: list[str]
    output: str


def main(arguments: list[str]) -> int:
    """Do what was asked; the answer is the exit code."""
    config = json.loads((ROOT / "abi.json").read_text(encoding="utf-8"))
    is_cxx = "++" in Path(sys.argv[0]).name
    if "-dumpversion" in arguments:
        print(config["emscripten"])
        return 0
    if "--version" in arguments:
        # By these words build systems know it.
        print(f"emcc (Emscripten gcc/clang-like replacement + linker emulating GNU ld) {config['emscripten']}")
        print("stock clang, made ready by lite_env")
        return 0
    given = list(without_foreign(expanded(arguments)))
    links = any(is_input(word) or word == "-" or word.startswith("-l") for word in given)
    if COMPILES & set(given) or not links:
        return call(compiler(config, is_cxx=is_cxx) + given)
    return link(given, compiler(config, is_cxx=is_cxx), is_cxx=is_cxx)


def expanded(arguments: Iterable[str]) -> Iterator[str]:
    """The words, those of response files among them."""
    for argument in arguments:
        if argument.startswith("@") and Path(argument[1:]).is_file():
            yield from expanded(shlex.split(Path(argument[1:]).read_text(encoding="utf-8")))
        else:
            yield argument


def without_foreign(arguments: Iterable[str]) -> Iterator[str]:
    """Leave out Emscripten's settings, and what is of other machines."""
    words = iter(arguments)
    for word in words:
        if word in ("-s", "--pre-js", "--js-library"):
            next(words, None)
        elif re.match(r"-sSIDE_MODULE(=|$)", word):
            yield "-shared"
        elif not re.match(r"-s[A-Z]", word) and not FOREIGN.fullmatch(word):
            yield word


def is_input(word: str) -> bool:
    """Whether the word is a file to compile or to link."""
    return not word.startswith("-") and word.endswith(SOURCES + OBJECTS)


def compiler(config: dict[str, str], *, is_cxx: bool) -> list[str]:
    """The command that compiles for the ABI of this package."""
    command = ["clang++" if is_cxx else "clang", f"--target={TARGET}", f"--sysroot={SYSROOT}"]
    # What every browser of the runtimes' time has, and no more.
    command += ["-mcpu=mvp", "-mmutable-globals", "-msign-ext", "-fPIC", "-fvisibility=default", "-fno-ident"]
    for place, number in zip(("major", "minor", "tiny"), config["emscripten"].split("."), strict=True):
        command.append(f"-D__EMSCRIPTEN_{place}__={number}")
    if config["exceptions"] == "wasm":
        command += ["-fwasm-exceptions", "-mllvm", "-wasm-enable-sjlj"]
    else:
        command += ["-mllvm", "-enable-emscripten-sjlj"]
        command += ["-fexceptions", "-mllvm", "-enable-emscripten-cxx-exceptions"] if is_cxx else []
    command += ["-Xclang", "-iwithsysroot/include/compat"]
    # Neither the day nor the folder of the build gets into what it makes.
    command += ["-Wno-builtin-macro-redefined", '-D__DATE__="Jan  1 1970"', '-D__TIME__="00:00:00"']
    for name in ("BUILD_PREFIX", "PREFIX", "SRC_DIR"):
        if os.environ.get(name):
            command.append(f"-ffile-prefix-map={os.environ[name]}={name.lower()}")
    # Some builds happen in a folder with a name that is new each time.
    command.append(f"-ffile-prefix-map={Path.cwd()}=src_dir")
    first = os.environ.get("EMCC_FIRST_INCLUDES", "").split(os.pathsep)
    return [*command, *(f"-I{folder}" for folder in first if folder), "-Qunused-arguments"]


def link(arguments: list[str], compile_command: list[str], *, is_cxx: bool) -> int:
    """Compile what is a source, and link all."""
    parts = sorted_out(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        objects = []
        for number, name in enumerate(parts.inputs):
            if name != "-" and not name.endswith(SOURCES):
                objects.append(name)
                continue
            made = f"{scratch}/{number}.o"
            if call([*compile_command, *parts.for_compiler, "-c", name, "-o", made]):
                return 1
            objects.append(made)
        if "-shared" in arguments:
            return link_side_module(objects, parts)
        return answer_by_linking(objects, parts, is_cxx=is_cxx)


def sorted_out(arguments: Iterable[str]) -> Parts:
    """What each word is for."""
    parts = Parts([], [], [], [], "a.out")
    words = iter(arguments)
    for word in words:
        if word == "-o" or (word.startswith("-o") and not word.startswith("-objc")):
            parts = parts._replace(output=word[2:] or next(words, "a.out"))
        elif word == "-x":
            parts.for_compiler.extend((word, next(words, "c")))
        elif word == "-" or is_input(word):
            parts.inputs.append(word)
        elif word.startswith("-l"):
            parts.libraries.append(word if len(word) > len("-l") else word + next(words, ""))
        elif word.startswith("-L"):
            parts.for_linker.append(word if len(word) > len("-L") else word + next(words, ""))
        elif word.startswith("-Wl,") or word == "-Xlinker":
            given = word.split(",")[1:] if word != "-Xlinker" else [next(words, "")]
            parts.for_linker.extend(part for part in given if not FOREIGN_TO_LINKER.fullmatch(part))
        elif word != "-shared":
            parts.for_compiler.append(word)
    return parts


def link_side_module(objects: list[str], parts: Parts) -> int:
    """Make what a runtime loads with ``dlopen``."""
    command = ["wasm-ld", "-shared", "--experimental-pic", "--no-entry", "--import-memory", "--import-table"]
    # Without the first of them static constructors would silently not run.
    command += ["--export-if-defined=__wasm_call_ctors", "--export-if-defined=__wasm_apply_data_relocs"]
    command += ["--unresolved-symbols=import-dynamic", "--strip-debug"]
    name = Path(parts.output).name
    is_library = name.startswith("lib") and not re.search(r"\.(cpython-|abi3\.)", name)
    command.append("--export-dynamic" if is_library else f"--export-if-defined=PyInit_{name.partition('.')[0]}")
    wanted = [word for word in parts.libraries if word[2:] not in IN_MAIN and not word.startswith("-lpython")]
    if call([*command, *parts.for_linker, *objects, *wanted, str(ROOT / "shims.o"), "-o", parts.output]):
        return 1
    # It would tell which build of clang it was.
    return call(["llvm-objcopy", "--remove-section=producers", parts.output])


def answer_by_linking(objects: list[str], parts: Parts, *, is_cxx: bool) -> int:
    """Link a program to see whether all that it calls is there."""
    names = [*(("libc++.a", "libc++abi.a") if is_cxx else ()), "libc.a", "libdlmalloc.a", "libcompiler_rt.a"]
    command = ["wasm-ld", "--warn-unresolved-symbols", "--no-entry", f"-L{LIBRARIES}"]
    command += [f"--export-if-defined={name}" for name in ("main", "__main_argc_argv", "__original_main")]
    wanted = [word for word in parts.libraries if word[2:] not in IN_MAIN]
    own = [str(LIBRARIES / name) for name in names]
    done = subprocess.run(
        [*command, *parts.for_linker, *objects, *wanted, *own, "-o", parts.output],
        capture_output=True,
        text=True,
        check=False,
    )
    missing = [name for name in UNDEFINED.findall(done.stderr) if not OF_JAVASCRIPT.match(name)]
    if done.returncode or missing:
        sys.stderr.write(done.stderr)
        return 1
    return 0


def call(command: list[str]) -> int:
    """Run a program, with what it says."""
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
