# Which version of a package satisfies every requirement of an application?
# A requirement is {range, source}; lts lines come from releases.json.
include "semver";

def newest_lts: $releases[0].lts | map(.major) | max;

# The words that version files use besides ranges.
def aliases:
  gsub("^\\s+|\\s+$"; "")
  | if . == "node" or . == "stable" or . == "latest" or . == "current" then ">=0"
    elif . == "lts" or . == "lts/*" then "\(newest_lts).x"
    elif startswith("lts/") then
      (.[4:] | ascii_downcase) as $name
      | ([$releases[0].lts[] | select(.codename == $name)][0]
         // error("\"lts/\($name)\" is not a known release line: \($releases[0].lts | map("lts/" + .codename) | join(", "))"))
      | "\(.major).x"
    else . end;

def requirement: . + {sets: (.range | aliases | range_of)};

# One requirement after another, so that the error can name the one that is wrong.
def requirements:
  map(. as $r | try requirement catch error({invalid: $r, reason: .}));

def satisfies_all($requirements): . as $v | all($requirements[]; .sets as $sets | $v | satisfies($sets));

# Long-term support first, then the newest, unless the application asked for what is new.
def preferred($versions; $wants_newest):
  (if $wants_newest then [] else [$versions[] | select(.n[0] as $m | any($releases[0].lts[]; .major == $m))] end) as $lts
  | if $lts == [] then $versions else $lts end | max_by(.key);

def wants_newest: any(.[]; .range | test("^\\s*(node|latest|current)\\s*$"));

def all_versions: .versions | keys | map(. as $text | version | select(. != null) | . + {text: $text});

# What exists next to the first version that a range names, for the error.
def neighbours($all; $requirement):
  ([$requirement.sets[][] | .v][0]) as $wanted
  | ([$all[] | select(.pre == [])] | sort_by(.key)) as $stable
  | if $wanted == null then [$stable[-1].text]
    else [([$stable[] | select(.key < $wanted.key)] | .[-1].text), ([$stable[] | select(.key >= $wanted.key)] | .[0].text), $stable[-1].text] end
  | map(select(. != null)) | unique;

def choose($required):
  . as $packument
  | ($required | requirements) as $requirements
  | all_versions as $all
  | [$all[] | select(satisfies_all($requirements))] as $fitting
  | if $fitting == [] then
      ([$requirements[] | . as $r | select([$all[] | select(satisfies_all([$r]))] == [])][0] // null) as $impossible
      | {unsatisfied: ($impossible // $requirements[0] | {range, source}), conflict: ($impossible == null),
         nearest: neighbours($all; $impossible // $requirements[0])}
    else
      preferred($fitting; $required | wants_newest).text as $version
      | $packument.versions[$version].dist
      | {version: $version, tarball: .tarball, integrity: .integrity}
    end;

# For the shell: "chosen" with version, tarball and integrity on lines of their own, or "failed" with message and hint.
def report($what; $required):
  if (.versions? | type) != "object" then ("failed", "the registry's answer for \($what) is not the description of a package",
      "check the registry's URL (NPM_CONFIG_REGISTRY)")
  else
    try (choose($required)
      | if has("version") then ("chosen", .version, .tarball // "", .integrity // "")
        else
          ("failed",
           "\($what): no version satisfies " + (if .conflict then $required else [.unsatisfied] end
             | map("\"\(.range)\" (\(.source))") | join(" and ")),
           "nearest versions: \(.nearest | join(", "))") end)
    catch if type == "object" then
        ("failed", "\($what): \"\(.invalid.range)\" (\(.invalid.source)) is no version range: \(.reason)",
         "write it as \"^22\", \"22.x\", \">=20 <25\" or \"22.12.0\"")
      else error end
  end;
