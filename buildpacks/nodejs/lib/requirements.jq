# What an application wants, from its package.json (the input), what the version files pin ($node_version, $nvmrc) and
# the user's own choice ($override). Three lines: the requirements for Node.js as JSON, the same for people, those for npm.

def field($object; $name): $object | if type == "object" then .[$name] else null end;

def wanted($value; $source):
  if $value == null or $value == "" then empty
  elif $value | type == "string" then {range: $value, source: $source}
  else error("\($source): expected a string, found \($value | tojson)") end;

def for_people: map("\"\(.range)\" (\(.source))") | join(" and ");

. as $packageJson
| field(.; "engines") as $engines
| [if $override != "" then wanted($override; "BP_NODE_VERSION")
   else wanted($node_version; ".node-version"), wanted($nvmrc; ".nvmrc"),
        wanted(field($engines; "node"); "engines.node in package.json") end]
| if . == [] then [{range: "\($releases[0].lts | map(.major) | max).x", source: "default: newest long-term support"}] else . end
| . as $node
| [field($packageJson; "packageManager")
    | select(type == "string" and startswith("npm@")) | .[4:] | split("+")[0]
    | wanted(.; "packageManager in package.json")]
  + [wanted(field($engines; "npm"); "engines.npm in package.json")]
| ($node | tojson), ($node | for_people), tojson
