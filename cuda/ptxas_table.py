"""Registers, stack and spills of every kernel on every target, from what ptxas -v wrote; exits 1 if a hot kernel spills.

usage: ptxas_table.py HOT LOG...    HOT: a file of regular expressions, one a line, # begins a comment
"""
import re
import sys

ENTRY = re.compile(r"Compiling entry function '(\w+)' for 'sm_(\d+)'")
PROPERTIES = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")


def read(path, kernels):
    """kernels[name][target] = (registers, stack, spills). Properties of device functions are not an entry's."""
    entry, own = None, False
    for line in open(path, encoding="utf-8"):
        if match := ENTRY.search(line):
            entry = match.groups()
        elif "Function properties for" in line:
            own = entry is not None and line.split()[-1] == entry[0]
        elif (match := PROPERTIES.search(line)) and own:
            properties = [int(v) for v in match.groups()]
        elif (match := USED.search(line)) and entry:
            name, target = entry
            kernels.setdefault(name, {})[int(target)] = (int(match[1]), properties[0], properties[1] + properties[2])
            entry, own = None, False


def main():
    hot = [line.split("#")[0].strip() for line in open(sys.argv[1], encoding="utf-8")]
    hot = [re.compile(pattern) for pattern in hot if pattern]
    kernels = {}
    for path in sys.argv[2:]:
        read(path, kernels)
    targets = sorted({target for by_target in kernels.values() for target in by_target})
    if not kernels:
        sys.exit("no kernel in the logs")
    unused = [pattern.pattern for pattern in hot if not any(pattern.fullmatch(name) for name in kernels)]
    if unused:
        sys.exit(f"no kernel is called {', '.join(unused)}: {sys.argv[1]} is out of date")
    print(f"{'registers (+ bytes of stack, of spills)':<40}" + "".join(f"{'sm_' + str(t):>14}" for t in targets))
    spilling = []
    for name, by_target in sorted(kernels.items()):
        is_hot = any(pattern.fullmatch(name) for pattern in hot)
        cells = []
        for target in targets:
            registers, stack, spills = by_target[target]
            cells.append(f"{registers}" + (f"+{stack},{spills}" if stack or spills else ""))
            if is_hot and spills:
                spilling.append(f"{name} on sm_{target}: {spills} bytes")
        print(f"{name + (' *' if is_hot else ''):<40}" + "".join(f"{cell:>14}" for cell in cells))
    print("* hot: may not spill")
    if spilling:
        sys.exit("a hot kernel spills: " + "; ".join(spilling))


main()
