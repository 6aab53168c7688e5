# SPDX-License-Identifier: MIT OR Apache-2.0
"""The compilers of this machine, and how each mode is linked."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .wanted import Wanted


@dataclass(frozen=True)
class Mode:
    """How a test gets the library."""

    defines: tuple[str, ...]
    # The library file that its program is linked with.
    linked: str = ""
    preloaded: bool = False
    threads: str = "-pthread"

    @property
    def static(self) -> bool:
        return self.linked.endswith(".a")


MODES = {
    "preload": Mode(("-DMODE_PRELOAD",), preloaded=True),
    # Before glibc 2.34: without the separate libpthread.
    "unthreaded": Mode(("-DMODE_PRELOAD", "-DUNTHREADED"), preloaded=True, threads="-D_REENTRANT"),
    "shared": Mode(("-DMODE_SHARED",), linked="libclone3.so"),
    "static": Mode(("-DMODE_STATIC",), linked="libclone3.a"),
    # The flavour that exports the names clone3* only.
    "api": Mode(("-DMODE_API",), linked="libclone3-api.so"),
    "api-static": Mode(("-DMODE_API", "-DMODE_STATIC"), linked="libclone3-api.a"),
    "control": Mode(("-DMODE_CONTROL",)),
}


@dataclass(frozen=True)
class Arch:
    """Properties of an architecture."""

    # Programs have the cross libc's loader as their interpreter. With qemu's -L
    # instead, the loader may be the cross package's and the libc that of libc6:arm64,
    # which disagree on their private data: children of the libc's fork spin forever.
    loader: str = ""
    emulator: str = ""


ARCHS = {
    "x86_64": Arch(),
    "aarch64": Arch("ld-linux-aarch64.so.1", "qemu-aarch64-static"),
    "riscv64": Arch("ld-linux-riscv64-lp64d.so.1", "qemu-riscv64-static"),
    "i686": Arch("ld-linux.so.2"),
}
MUSL_I686 = Path("/usr/lib/i386-linux-musl/musl-gcc.specs")


@cache
def here(program: str) -> bool:
    """Whether there is a program of this name."""
    return shutil.which(program) is not None


class Toolchain:
    """How this machine builds and runs programs for an architecture."""

    # The libcs that tests are built for.
    libcs: tuple[str, ...] = ("glibc", "musl")

    def __init__(self, project, arch: str):
        self.root = project.root
        self.arch = arch
        self.library = project.library(arch)
        self.emulator = ARCHS[arch].emulator
        self.label = arch
        # Flags of compilers, kept with the programs that name them.
        self.ld = project.build / "c-tests" / f"ld-{arch}"

    @property
    def prefix(self) -> str:
        """The prefix of the cross binutils and compiler."""
        return "" if self.arch == "x86_64" else f"{self.arch}-linux-gnu-"

    @property
    def sysroot(self) -> str:
        return f"/usr/{self.arch}-linux-gnu"

    def compiler(self, libc: str) -> list[str]:
        """The compiler's command; empty if it is not installed."""
        glibc = f"{self.prefix}gcc" if self.prefix else "cc"
        match self.arch, libc:
            case "x86_64", "musl" if here("musl-gcc"):
                return [
                    "musl-gcc",
                    "-idirafter",
                    "/usr/include",
                    "-idirafter",
                    "/usr/include/x86_64-linux-gnu",
                ]
            case "i686", "musl" if MUSL_I686.is_file() and here(glibc):
                return [glibc, f"-specs={MUSL_I686}", "-idirafter", f"{self.sysroot}/include"]
            case _, "glibc" if here(glibc):
                return [glibc]
        return []

    def no_compiler(self, libc: str) -> str:
        """The reason where compiler() is empty."""
        glibc = f"{self.prefix}gcc" if self.prefix else "cc"
        if libc == "glibc" or not here(glibc):
            return f"no {glibc}"
        return {"x86_64": "no musl-gcc", "i686": "no musl-dev:i386"}.get(self.arch, "no musl for it")

    def label_of(self, libc: str) -> str:
        return f"{self.arch}-{libc}"

    def takes(self, libc: str, mode: str) -> bool:
        """Whether tests are run in this mode with this libc."""
        return mode != "unthreaded"

    def lacks(self) -> str:
        """Why programs of this architecture do not run here; "" if they do."""
        if self.emulator and not here(self.emulator):
            return f"no {self.emulator}"
        if self.arch == "i686" and self.compiler("glibc") and not self.runs_i686():
            return "this kernel runs no 32-bit programs"
        return ""

    def runs_i686(self) -> bool:
        with tempfile.TemporaryDirectory() as work:
            program = f"{work}/program"
            command = [*self.compiler("glibc"), "-static", "-x", "c", "-", "-o", program]
            built = subprocess.run(command, input=b"int main(void) { return 0; }", capture_output=True)
            try:
                return built.returncode == 0 and subprocess.run([program]).returncode == 0
            except OSError:
                return False

    def prepare(self) -> None:
        """Creates the files that link_flags refers to."""
        self.ld.mkdir(parents=True, exist_ok=True)
        # Cross compilers search for it in a directory of their own.
        linker, link = shutil.which("ld.lld"), self.ld / "ld.lld"
        if linker is None:
            raise Wanted("no ld.lld")
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(linker)
        if self.arch == "riscv64" and self.compiler("glibc"):
            self.make_open_library()

    def make_open_library(self) -> None:
        """lld before 15 cannot link RISC-V's start files. Instead GNU ld gets a library that
        has the loader's name and defines clone3*; as it opens a library of one name only
        once, it does not open the loader's."""
        names = []
        for path in sorted((self.root / "src/abi").glob("*.map")):
            names += re.findall(r"^ *(clone3[a-z0-9_]*);$", path.read_text(), re.MULTILINE)
        source = self.ld / "open.s"
        source.write_text("".join(f".globl {name}\n.type {name},%function\n{name}:\n" for name in names))
        loader = ARCHS[self.arch].loader
        command = [*self.compiler("glibc"), "-shared", "-nostdlib", f"-Wl,-soname,{loader}"]
        subprocess.run([*command, str(source), "-o", str(self.ld / "open.so")], check=True)

    def link_flags(self, mode: str) -> list[str]:
        """The linker's options for the library."""
        match mode:
            case "preload" | "unthreaded" if self.arch == "riscv64":
                return [str(self.ld / "open.so"), "-Wl,--unresolved-symbols=ignore-in-shared-libs"]
            case "preload" | "unthreaded":
                # Only lld leaves such symbols undefined for the loader.
                return ["-fuse-ld=lld", f"-B{self.ld}", "-Wl,--unresolved-symbols=ignore-all"]
            case "shared":
                return [f"-L{self.library}", "-lclone3", f"-Wl,-rpath,{self.library}"]
            case "static":
                return ["-static", "-Wl,-u,_Fork", f"-L{self.library}", "-l:libclone3.a"]
            case "api":
                return [f"-L{self.library}", "-lclone3-api", f"-Wl,-rpath,{self.library}"]
            case "api-static":
                return ["-static", f"-L{self.library}", "-l:libclone3-api.a"]
        return []

    def libc_flags(self, libc: str, mode: str) -> list[str]:
        """The linker's options for the libc."""
        loader, directory = ARCHS[self.arch].loader, f"{self.sysroot}/lib"
        if not loader or libc == "musl" or MODES[mode].static:
            return []
        return [f"-Wl,--dynamic-linker,{directory}/{loader}", f"-Wl,--disable-new-dtags,-rpath,{directory}"]
