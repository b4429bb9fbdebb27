# Semantic versions and npm's ranges, for jq 1.6 and newer.
# A version is {n: [major, minor, patch], pre: [identifiers], key}; keys sort by precedence.

def is_number: test("^(0|[1-9][0-9]*)$");
def identifiers: if . == "" then [] else split(".") end;

def precedence:
  .n + [if .pre == [] then [1] else [0] + (.pre | map(if is_number then [0, tonumber] else [1, .] end)) end];

# "v22.3.0-rc.1+build" -> a version, null when it is not one.
def version:
  if test("^v?(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[.](0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?$") then
    (ltrimstr("v") | split("+")[0]) as $text
    | ($text | split("-")[0]) as $core
    | {n: ($core | split(".") | map(tonumber)), pre: ($text[($core | length):] | ltrimstr("-") | identifiers)}
    | if any(.pre[]; . == "" or test("^0[0-9]+$")) then null else . + {key: precedence} end
  else null end;

def comparator($op; $n; $pre): {op: $op, v: ({n: $n, pre: $pre} | . + {key: precedence})};
def at_least($n): comparator(">="; $n; []);
# The upper end of a range leaves out the prereleases of the version that it names.
def below($n): comparator("<"; $n; ["0"]);

def is_wildcard: . == null or . == "x" or . == "X" or . == "*";

# "1.2.x" -> {parts: [1, 2], pre: []}: the numbers before the first wildcard. An error when it is no partial version.
def partial:
  . as $text
  | if test("^[v=]*(x|X|[*]|0|[1-9][0-9]*)([.](x|X|[*]|0|[1-9][0-9]*)([.](x|X|[*]|0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?([+][0-9A-Za-z.-]+)?)?)?$")
    then . else error("\"" + $text + "\" is not a version") end
  | sub("^[v=]+"; "") | split("+")[0]
  | split("-")[0] as $core
  | .[($core | length):] as $suffix
  | ($suffix | ltrimstr("-") | identifiers) as $pre
  | if any($pre[]; . == "" or test("^0[0-9]+$")) then error("\"" + $text + "\" is not a version") else . end
  | ($core | split(".")) as $ids
  | ([range(0; 3) | select($ids[.] | is_wildcard)][0] // 3) as $known
  | {parts: ($ids[:$known] | map(tonumber)), pre: (if $known == 3 then $pre else [] end),
     ordered: all($ids[$known:][]; is_wildcard), text: $text};

def padded: . + [0, 0, 0] | .[:3];
# A second operator before a whole version ("> =1.2.3") is an error, before a partial one it is not: npm's rule.
def single_operator:
  if (.parts | length) == 3 and (.text | test("^v?[0-9]") | not) then error("\"" + .text + "\" is not a version") else . end;

# [1, 2] -> [1, 3, 0]: the first version after all that begin so.
def next: (.[:-1] + [.[-1] + 1]) | padded;

def caret:
  .parts as $p
  | if $p == [] then []
    else
      ([range(0; $p | length) | select($p[.] > 0)][0] // (($p | length) - 1)) as $fixed
      | [comparator(">="; $p | padded; .pre), below($p[:$fixed + 1] | next)]
    end;

def tilde:
  .parts as $p
  | if $p == [] then [] else [comparator(">="; $p | padded; .pre), below($p[:2] | next)] end;

def plain($op):
  (if .ordered then . else error("\"" + .text + "\" has a number after a wildcard") end)
  | single_operator
  | .parts as $p
  | if $p == [] then if $op == "<" or $op == ">" then [below([0, 0, 0])] else [] end
    elif ($p | length) == 3 then [comparator(if $op == "" then "=" else $op end; $p; .pre)]
    elif $op == "" or $op == "=" then [at_least($p | padded), below($p | next)]
    elif $op == ">" then [at_least($p | next)]
    elif $op == ">=" then [at_least($p | padded)]
    elif $op == "<=" then [below($p | next)]
    else [below($p | padded)] end;

def simple:
  if startswith("^") then .[1:] | partial | caret
  elif startswith("~>") then .[2:] | partial | tilde
  elif startswith("~") then .[1:] | partial | tilde
  elif startswith(">=") or startswith("<=") then .[:2] as $op | .[2:] | partial | plain($op)
  elif startswith("<") or startswith(">") or startswith("=") then .[:1] as $op | .[1:] | partial | plain($op)
  else partial | plain("") end;

def hyphen:
  (.[0] | partial | single_operator) as $from | (.[1] | partial | if .pre == [] then single_operator else . end) as $to
  | (if $from.parts == [] then [] else [comparator(">="; $from.parts | padded; $from.pre)] end)
    + (if $to.parts == [] then []
       elif ($to.parts | length) == 3 then [comparator("<="; $to.parts; $to.pre)]
       else [below($to.parts | next)] end);

def comparator_set:
  gsub("^\\s+|\\s+$"; "")
  | if test("^\\S+\\s+-\\s+\\S+$") then [splits("\\s+-\\s+")] | hyphen
    else gsub("(?<op>>=|<=|~>|[<>=~^])\\s+"; .op) | [splits("\\s+") | select(. != "") | simple | .[]] end;

# ">=0.0.0" says nothing, as "*" does: an empty set of comparators.
def says_something: .op != ">=" or .v.n != [0, 0, 0] or .v.pre != [];

# A range is a list of sets; a version satisfies it when all comparators of one set hold. A set that says nothing makes the
# others void, so that "* || 2.0.0-rc.1" has no prerelease: npm's rule.
def range_of:
  [splits("\\s*\\|\\|\\s*") | comparator_set | map(select(says_something))]
  | if any(.[]; . == []) then [[]] else . end;

def holds($v):
  if .op == "=" then $v.key == .v.key
  elif .op == ">=" then $v.key >= .v.key
  elif .op == ">" then $v.key > .v.key
  elif .op == "<=" then $v.key <= .v.key
  else $v.key < .v.key end;

# A prerelease counts only for a set that names a prerelease of the same three numbers.
def satisfies($sets):
  . as $v
  | any($sets[];
      all(.[]; holds($v)) and ($v.pre == [] or any(.[]; .v.pre != [] and .v.n == $v.n)));
