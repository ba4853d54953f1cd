#!/usr/bin/env python3
"""ledger_reals.def holds every function of musl that allocates for its caller, by musl's own call graph.

The graph is taken from the disassembly: a function reaches the allocator when a chain of calls and jumps leads to the
linkage table's entry of malloc or one of its like. Calls through pointers are not seen, so the list may hold more.

usage: musl_behalf_test.py LEDGER_REALS.DEF LOADER [ARM_LOADER]      exit status 77: no objdump
"""
import bisect
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

LIST = pathlib.Path(sys.argv[1])
LOADER = sys.argv[2]
ARM_LOADER = sys.argv[3] if len(sys.argv) > 3 and pathlib.Path(sys.argv[3]).exists() else None
ALLOCATORS = {"malloc", "calloc", "realloc", "memalign", "aligned_alloc"}
NO_CALLER = {"__dls3"}  # the linker, before the program runs
JUMP = re.compile(r"^\s+([0-9a-f]+):\t(call|j\w+)\s+([0-9a-f]+) <")
POINTER = re.compile(r"^\s+[0-9a-f]+:\tlea\s.*# ([0-9a-f]+) <")
INSTRUCTION = re.compile(r"^\s+([0-9a-f]+):\t(\S+)")
ENDS = {"ret", "jmp", "nop", "nopl", "nopw", "cs", "data16", "xchg", "hlt"}  # after which a function may begin, or filling
ENTRY = re.compile(r"^([0-9a-f]+) <(\w+)@plt>:")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def functions(loader):
    """Address -> names of the exported functions."""
    found = {}
    for line in output("readelf", "--dyn-syms", "-W", loader).splitlines():
        field = line.split()
        if len(field) >= 8 and field[3] == "FUNC" and field[6] != "UND":
            found.setdefault(int(field[1], 16), []).append(field[7])
    return found


def reaching(loader):
    """Names of the exported functions from which a chain of calls leads to the allocator."""
    names, entries, jumps, starts, fresh, last = functions(loader), {}, [], set(), set(), ""
    for line in output("objdump", "-d", "--no-show-raw-insn", loader).splitlines():
        if match := INSTRUCTION.match(line):
            if last in ENDS:
                fresh.add(int(match[1], 16))
            last = match[2]
        if match := ENTRY.match(line):
            entries[int(match[1], 16)] = match[2]
        elif match := JUMP.match(line):
            jumps.append((int(match[1], 16), int(match[3], 16)))
            if match[2] == "call":
                starts.add(int(match[3], 16))
        elif match := POINTER.match(line):  # a function without a name, called through the pointer
            starts.add(int(match[1], 16))
    starts |= set(names) | set(entries)
    order = sorted(starts)

    def function_of(address):
        at = bisect.bisect_right(order, address)
        return order[at - 1] if at else None

    # One that is only ever jumped to has no name either; parts of functions that are, follow no end.
    starts |= {target for source, target in jumps
               if function_of(source) != function_of(target) and target % 16 == 0 and target in fresh}
    order = sorted(starts)

    callers = {}
    for source, target in jumps:
        if function_of(source) not in entries:
            callers.setdefault(function_of(target), set()).add(function_of(source))
    todo = [address for address, name in entries.items() if name in ALLOCATORS]
    seen = set()
    while todo:
        for caller in callers.get(todo.pop(), ()):
            if caller not in seen:
                seen.add(caller)
                todo.append(caller)
    return {name for address in seen for name in names.get(address, ())}


class Musl(unittest.TestCase):
    listed = set(re.findall(r"^SPH_(?:HOOK|BEHALF)\((\w+)\)$", LIST.read_text(encoding="ascii"), re.M))

    def test_all_that_allocate_are_listed(self):
        found = reaching(LOADER)
        self.assertTrue({"strdup", "getline", "fopen", "regcomp"} <= found, "the call graph cannot be read")
        self.assertEqual(sorted(found - NO_CALLER - self.listed), [])

    def test_what_is_listed_is_there(self):
        exported = {name for names in functions(LOADER).values() for name in names}
        if ARM_LOADER:
            exported |= {name for names in functions(ARM_LOADER).values() for name in names}
            self.assertEqual(sorted(self.listed - exported), [])

    def test_names_of_32_bits(self):
        """There headers lead programs to another name where a time is in the arguments or the result."""
        if not ARM_LOADER:
            self.skipTest("no ARM loader")
        exported = {name for names in functions(ARM_LOADER).values() for name in names}
        twins = {twin for name in self.listed for twin in (f"__{name}64", f"__{name}_time64", f"__{name[:-2]}64_r")}
        self.assertEqual(sorted(twins & exported - self.listed), [])


if __name__ == "__main__":
    if not shutil.which("objdump"):
        print("objdump is not installed")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
