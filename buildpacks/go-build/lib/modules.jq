# The modules of programs, from the text of "go version -m": lines "dep MODULE VERSION SUM", followed by "=> …" when
# the module is replaced. The library of Go itself is one more. A replacement by a directory has no version.
def purl: "pkg:golang/\(.name | ascii_downcase)" + (if .version == "" then "" else "@\(.version | @uri)" end);

reduce (split("\n")[] | ltrimstr("\t") | split("\t")) as $line ([];
  if $line[0] == "dep" then . + [{name: $line[1], version: ($line[2] // ""), sum: ($line[3] // "")}]
  elif $line[0] == "=>" then
    (.[-1].name) as $replaced
    | .[-1] = {name: (if $line[1] | test("^[./]") then $replaced else $line[1] end),
        version: ($line[2] // "" | if . == "(devel)" then "" else . end), sum: ($line[3] // "")}
  else . end)
| . + [{name: "stdlib", version: $go, sum: ""}]
| unique_by([.name, .version])
| map(. + {purl: purl})
