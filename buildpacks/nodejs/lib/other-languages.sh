# shellcheck shell=bash
# A repository with two languages: the order of the builder decides, which should not go unnoticed.

# mention_other_languages: says which other applications are here, and how to build one of them instead.
mention_other_languages() {
  local file id
  while read -r file id; do
    if [[ ! -f $file ]]; then continue; fi
    say "$file is here as well, but Node.js comes first in the builder's order"
    printf 'hint: to build it instead, choose --buildpack %s, or write into project.toml: [[io.buildpacks.group]] id = "%s"\n' \
      "$id" "$id"
  done <<'FILES'
requirements.txt tspack/python-apps
pyproject.toml tspack/python-apps
go.mod tspack/go-apps
pom.xml tspack/java-apps
FILES
}
