# What an application wants, from its package.json ($project_file, $project) and its workspace's ($root_file, $root; all that
# is in a file, nothing where the name is empty), what the version files pin ($pins, a list of {range, source}) and the
# user's own choice ($override). Lines: the requirements for Node.js as JSON, the same for people, whether the Node.js that
# an earlier build left ($kept, or empty) would still be accepted, and the requirements for npm, pnpm and yarn, a line each.
include "semver";
include "choose";

def still_satisfies($kept_one):
  (wants_newest | not) and (try requirements catch null) as $r
  | $r != null and ($kept_one | version | . != null and satisfies_all($r));

def package_file($file; $contents):
  if $file == "" then empty elif $contents == [] then error("\($file) is empty") else $contents[] | {file: $file, json: .} end;

def field($object; $name): $object | if type == "object" then .[$name] else null end;

def wanted($value; $source):
  if $value == null or $value == "" then empty
  elif $value | type == "string" then {range: $value, source: $source}
  else error("\($source): expected a string, found \($value | tojson)") end;

def for_people: map("\"\(.range)\" (\(.source))") | join(" and ");

def list: if type == "array" then .[] else . end | objects;

# A hash behind the version, as corepack writes it, is not part of the range.
def of_manager($name):
  . as {file: $file, json: $json}
  | (field($json; "packageManager")
      | select(type == "string" and startswith("\($name)@")) | .[($name | length) + 1:] as $text
      | ($text | split("+")) as $parts
      | wanted($parts[0]; "packageManager in \($file)") + (if $parts[1] then {hash: $parts[1]} else {} end)),
    wanted(field(field($json; "engines"); $name); "engines.\($name) in \($file)"),
    (field(field($json; "devEngines"); "packageManager") | list | select(.name == $name)
      | wanted(.version; "devEngines.packageManager in \($file)"));

[package_file($project_file; $project), package_file($root_file; $root)] as $files
| [if $override != "" then wanted($override; "BP_NODE_VERSION")
   else $pins[], ($files[] | wanted(field(field(.json; "engines"); "node"); "engines.node in \(.file)")) end]
| if . == [] then [{range: "\($releases[0].lts | map(.major) | max).x", source: "default: newest long-term support"}] else . end
| . as $node
| ($node | tojson), ($node | for_people), ($kept != "" and ($node | still_satisfies($kept))),
  (("npm", "pnpm", "yarn") as $name | [$files[] | of_manager($name)] | tojson)
