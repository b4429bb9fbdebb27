"""Prints the Java version that a POM compiles for, and where it says so: "VALUE FILE:LINE (NAME)".

Nothing is printed when the POM does not say. Only the file itself is read, not its parents.
"""

import re
import sys
import xml.parsers.expat

NAMES = ("maven.compiler.release", "release", "java.version", "maven.compiler.target", "target", "maven.compiler.source", "source")
COMPILER = ["project", "build", "plugins", "plugin", "configuration"]


def read(path):
    """Text and line of every element, by its path of names."""
    found, stack, parser = [], [], xml.parsers.expat.ParserCreate(namespace_separator=" ")

    def start(name, _attributes):
        stack.append([name.split(" ")[-1], "", parser.CurrentLineNumber])

    def end(_name):
        name, text, line = stack.pop()
        found.append(([one[0] for one in stack] + [name], text.strip(), line))

    def data(text):
        if stack:
            stack[-1][1] += text

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    try:
        with open(path, "rb") as file:
            parser.ParseFile(file)
    except xml.parsers.expat.ExpatError as error:
        print(f"ERROR: {path}:{error.lineno}: this is not XML: {xml.parsers.expat.ErrorString(error.code)}", file=sys.stderr)
        print("hint: correct the file; mvn validate checks it", file=sys.stderr)
        sys.exit(1)
    return found


def main(path):
    elements = read(path)
    properties = {names[-1]: (text, line) for names, text, line in elements if names[:-1] == ["project", "properties"]}
    # Of the settings of plugins only those of the compiler have these names.
    settings = {names[-1]: (text, line) for names, text, line in elements if names[:-1] == COMPILER}
    for name in NAMES:
        text, line = properties.get(name, ("", 0)) if "." in name else settings.get(name, ("", 0))
        for _ in range(5):
            reference = re.fullmatch(r"\$\{([^}]+)\}", text)
            if not reference:
                break
            text, line = properties.get(reference[1], ("", line))
        if text:
            print(f"{text} {path}:{line} ({name})")
            return


main(sys.argv[1])
