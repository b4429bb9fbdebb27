# What an application wants, from its package.json files (the input is a list of {file, json}), what the version files
# pin ($pins, a list of {range, source}) and the user's own choice ($override). Three lines: the requirements for Node.js
# as JSON, the same for people, and an object with those for npm, pnpm and yarn.

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

. as $files
| [if $override != "" then wanted($override; "BP_NODE_VERSION")
   else $pins[], ($files[] | wanted(field(field(.json; "engines"); "node"); "engines.node in \(.file)")) end]
| if . == [] then [{range: "\($releases[0].lts | map(.major) | max).x", source: "default: newest long-term support"}] else . end
| . as $node
| (["npm", "pnpm", "yarn"] | map(. as $name | {key: $name, value: [$files[] | of_manager($name)]}) | from_entries) as $managers
| ($node | tojson), ($node | for_people), ($managers | tojson)
