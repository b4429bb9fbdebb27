# CycloneDX of what modules.jq gives.
{
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  version: 1,
  components: map(
    {type: "library", "bom-ref": .purl, name, purl}
    + (if .version == "" then {} else {version} end)
    + (if .name == "stdlib" then {cpe: "cpe:2.3:a:golang:go:\(.version):*:*:*:*:*:*:*"} else {} end)
    + (if .sum == "" then {} else {properties: [{name: "go.sum", value: .sum}]} end))
}
