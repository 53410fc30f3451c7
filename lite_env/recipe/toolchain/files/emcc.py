#!/usr/bin/env python3
"""emcc and em++ as build systems call them, done by stock clang and wasm-ld: objects, side modules, and questions.

What a build asks by linking a program (whether a function exists) is answered by Emscripten's own static libraries. A
program itself is not made: only what a kernel loads is.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.join(os.path.dirname(HERE), "share", "emscripten")
SYSROOT = os.path.join(ROOT, "sysroot")
TARGET = "wasm32-unknown-emscripten"
SOURCES = (".c", ".cc", ".cpp", ".cxx", ".c++", ".C", ".s", ".S", ".i", ".ii")
OBJECTS = (".o", ".obj", ".lo", ".a", ".so", ".bc")
# The main module brings these, or there is nothing in them.
IN_MAIN = ("c", "m", "dl", "pthread", "rt", "util", "gcc", "gcc_s", "stdc++", "c++", "c++abi", "atomic")
# Of the machine that builds, or of linkers for it.
DROPPED = re.compile(
    r"-pthread|-march=.*|-mtune=.*|-m64|-m32|-msse.*|-mavx.*|-mfpmath=.*|-rdynamic|-static-lib.*|-no-pie|-pie|-fPIE"
    r"|-fno-plt|-fstack-protector.*|-fstack-clash-protection|-fcf-protection.*|-flto.*|-fuse-ld=.*|-Wdate-time|-pipe"
    r"|-O[0-9sz]?-dummy|--emrun|--bind|-gsource-map"
)
DROPPED_OF_LINKER = re.compile(
    r"-rpath.*|--as-needed|--no-as-needed|--start-group|--end-group|-O\d?|--sort-common|--hash-style.*|-z|relro|now|defs"
    r"|--build-id.*|--version-script.*|--no-undefined|--allow-shlib-undefined|--disable-new-dtags|--enable-new-dtags|-Bsymbolic.*|-soname.*|--exclude-libs.*"
)
# What a runtime's JavaScript brings, and no static library has.
OF_JAVASCRIPT = re.compile(
    r"(__syscall_|_?_?emscripten_|__cxa_|invoke_|_?__wasi|_tzset_js|_mmap_js|_munmap_js|_localtime_js|_mktime_js|_gmtime_js|_timegm_js|_abort_js|_dl|__?setThrew|getTempRet0|setTempRet0|__resumeException|llvm_eh|"
    r"__assert_fail|_msync_js|_setitimer_js|proc_exit|fd_|environ_|clock_|args_|random_get|abort|exit|sched_|main|__main|stack|__wasm|saveSetjmp|testSetjmp|_Unwind|__gxx|getaddrinfo|getnameinfo|getprotobyname|__call_sighandler)"
)
UNDEFINED = re.compile(r"undefined symbol: (.+)")


def main(arguments):
    config = json.load(open(os.path.join(ROOT, "abi.json"), encoding="utf-8"))
    is_cxx = "++" in os.path.basename(sys.argv[0])
    if "--version" in arguments or "-dumpversion" in arguments:
        return say_version(config, arguments)
    given = expand(arguments)
    kept = list(without_foreign(given))
    if any(flag in kept for flag in ("-c", "-E", "-S", "-M", "-MM", "-fsyntax-only", "-print-search-dirs", "-###")):
        return call(compiler(is_cxx, config) + kept)
    if (
        not any(is_input(argument) for argument in kept)
        and "-" not in kept
        and not any(x.startswith("-l") for x in kept)
    ):
        return call(compiler(is_cxx, config) + kept)
    return link(is_cxx, config, kept)


def say_version(config, arguments):
    if "-dumpversion" in arguments:
        print(config["emscripten"])
        return 0
    print(f"emcc (Emscripten gcc/clang-like replacement + linker emulating GNU ld) {config['emscripten']}")
    print("stock clang, made ready by lite_env")
    return 0


def expand(arguments):
    """Read response files."""
    for argument in arguments:
        if argument.startswith("@") and os.path.isfile(argument[1:]):
            import shlex

            yield from expand(shlex.split(open(argument[1:], encoding="utf-8").read()))
        else:
            yield argument


def without_foreign(arguments):
    """Leave out Emscripten's settings, and what is of other targets."""
    arguments = iter(arguments)
    for argument in arguments:
        if argument in ("-s", "--pre-js", "--js-library"):
            next(arguments, None)
        elif argument == "-sSIDE_MODULE" or argument.startswith("-sSIDE_MODULE="):
            yield "-shared"
        elif re.match(r"-s[A-Z]", argument) or DROPPED.fullmatch(argument):
            continue
        else:
            yield argument


def is_input(argument):
    return not argument.startswith("-") and argument.endswith(SOURCES + OBJECTS)


def compiler(is_cxx, config):
    command = ["clang++" if is_cxx else "clang", f"--target={TARGET}", f"--sysroot={SYSROOT}"]
    # What every browser of the runtimes' time has, and no more.
    command += ["-mcpu=mvp", "-mmutable-globals", "-msign-ext", "-fPIC", "-fvisibility=default", "-fno-ident"]
    for place, number in zip(("major", "minor", "tiny"), config["emscripten"].split(".")):
        command += [f"-D__EMSCRIPTEN_{place}__={number}"]
    if config["exceptions"] == "wasm":
        command += ["-fwasm-exceptions", "-mllvm", "-wasm-enable-sjlj"]
    else:
        command += ["-mllvm", "-enable-emscripten-sjlj"]
        if is_cxx:
            command += ["-fexceptions", "-mllvm", "-enable-emscripten-cxx-exceptions"]
    command += ["-Xclang", "-iwithsysroot/include/compat"]
    # Neither the day nor the folder of the build gets into what it makes.
    command += ["-Wno-builtin-macro-redefined", '-D__DATE__="Jan  1 1970"', '-D__TIME__="00:00:00"']
    for name in ("SRC_DIR", "BUILD_PREFIX", "PREFIX"):
        if os.environ.get(name):
            command += [f"-ffile-prefix-map={os.environ[name]}={name.lower()}"]
    for folder in filter(None, os.environ.get("EMCC_FIRST_INCLUDES", "").split(os.pathsep)):
        command += [f"-I{folder}"]
    return command + ["-Qunused-arguments"]


def link(is_cxx, config, arguments):
    with tempfile.TemporaryDirectory() as scratch:
        parts, options, output = sort_out(arguments)
        objects, flags, libraries = [], [], []
        for kind, value in parts:
            if kind == "source":
                made = os.path.join(scratch, f"{len(objects)}.o")
                if call(compiler(is_cxx, config) + options + ["-c", value, "-o", made]):
                    return 1
                objects.append(made)
            elif kind == "input":
                objects.append(value)
            elif kind == "library":
                libraries.append(value)
            else:
                flags.append(value)
        # Where a library of the package itself was asked for by -l, its place among the objects does not matter.
        if "-shared" in arguments:
            return link_side_module(objects, flags, libraries, output or "a.out")
        return answer_by_linking(objects, flags, libraries, output or "a.out", is_cxx)


def sort_out(arguments):
    """Inputs and what is for the linker, in order; what is for the compiler; the output."""
    parts, options, output = [], [], None
    arguments = iter(arguments)
    for argument in arguments:
        if argument == "-o":
            output = next(arguments, None)
        elif argument.startswith("-o") and len(argument) > 2 and not argument.startswith("-objc"):
            output = argument[2:]
        elif argument == "-x":
            options += [argument, next(arguments, "c")]
        elif argument == "-":
            parts.append(("source", argument))
        elif is_input(argument):
            parts.append(("source" if argument.endswith(SOURCES) else "input", argument))
        elif argument in ("-l", "-L"):
            following = next(arguments, "")
            parts.append(("library" if argument == "-l" else "flag", argument + following))
        elif argument.startswith("-l"):
            parts.append(("library", argument))
        elif argument.startswith("-L"):
            parts.append(("flag", argument))
        elif argument.startswith("-Wl,"):
            for word in argument[4:].split(","):
                if not DROPPED_OF_LINKER.fullmatch(word):
                    parts.append(("flag", word))
        elif argument == "-Xlinker":
            word = next(arguments, "")
            if not DROPPED_OF_LINKER.fullmatch(word):
                parts.append(("flag", word))
        elif argument != "-shared":
            options.append(argument)
    return parts, options, output


def link_side_module(objects, flags, libraries, output):
    command = ["wasm-ld", "-shared", "--experimental-pic", "--no-entry", "--import-memory", "--import-table"]
    command += ["--unresolved-symbols=import-dynamic", "--strip-debug", "--export-if-defined=__wasm_call_ctors"]
    command += ["--export-if-defined=__wasm_apply_data_relocs", "-mllvm", "-combiner-global-alias-analysis=false"]
    name = os.path.basename(output)
    if name.startswith("lib") and ".cpython-" not in name and ".abi3." not in name:
        command += ["--export-dynamic"]
    else:
        command += [f"--export-if-defined=PyInit_{name.partition('.')[0]}"]
    wanted = [lib for lib in libraries if lib[2:] not in IN_MAIN and not lib.startswith("-lpython")]
    if call(command + flags + objects + wanted + [os.path.join(ROOT, "shims.o"), "-o", output]):
        return 1
    return call(["llvm-objcopy", "--remove-section=producers", output])


def answer_by_linking(objects, flags, libraries, output, is_cxx):
    lib = os.path.join(SYSROOT, "lib", "wasm32-emscripten")
    own = ["libc.a", "libdlmalloc.a", "libcompiler_rt.a"]
    own = (["libc++.a", "libc++abi.a"] if is_cxx else []) + own
    command = ["wasm-ld", "--warn-unresolved-symbols", "--no-entry", "--export-if-defined=main", f"-L{lib}"]
    command += ["--export-if-defined=__main_argc_argv", "--export-if-defined=__original_main"]
    wanted = [lib for lib in libraries if lib[2:] not in IN_MAIN]
    command += flags + objects + wanted + [os.path.join(lib, name) for name in own] + ["-o", output]
    done = subprocess.run(command, capture_output=True, text=True)
    missing = [name for name in UNDEFINED.findall(done.stderr) if not OF_JAVASCRIPT.match(name)]
    if done.returncode or missing:
        sys.stderr.write(done.stderr)
        return 1
    return 0


def call(command):
    return subprocess.run(command).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
