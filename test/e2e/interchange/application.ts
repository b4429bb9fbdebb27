const layersScript = `#!/bin/sh
set -eu
layers=$CNB_LAYERS_DIR
has() { if [ -f "$layers/$1" ]; then echo "$1 was restored"; else echo "$1 is new"; fi; }
has launched.toml
has cached/file
has kept/file
grep -s n "$layers/store.toml" || true

if [ -f "$layers/launched.toml" ]; then
  printf '[types]\\nlaunch = true\\n' >> "$layers/launched.toml"
else
  mkdir -p "$layers/launched/bin" "$layers/launched/exec.d" "$layers/launched/env.launch"
  printf '#!/bin/sh\\necho launched\\n' > "$layers/launched/bin/say"
  chmod 755 "$layers/launched/bin/say"
  printf 'value' > "$layers/launched/env.launch/OF_LAYER.default"
  ln -s say "$layers/launched/bin/link"
  printf '[types]\\nlaunch = true\\n[metadata]\\nn = 3\\nf = 1.5\\ndate = 2021-02-03\\n[metadata.deep]\\ntext = "a <b> & \\\\u2028"\\nlist = [1, 2]\\n' > "$layers/launched.toml"
fi
mkdir -p "$layers/cached" "$layers/kept"
echo data > "$layers/cached/file"
echo data > "$layers/kept/file"
printf '[types]\\nlaunch = true\\nbuild = true\\ncache = true\\n[metadata]\\nversion = "1.2"\\n' > "$layers/cached.toml"
printf '[types]\\ncache = true\\n[metadata]\\nn = 7\\n' > "$layers/kept.toml"
echo '{"spdxVersion": "SPDX-2.3"}' > "$layers/cached.sbom.spdx.json"
echo '{"bomFormat": "CycloneDX"}' > "$layers/launch.sbom.cdx.json"
echo '{"bomFormat": "CycloneDX"}' > "$layers/build.sbom.cdx.json"
printf '[metadata]\\nn = 42\\n' > "$layers/store.toml"
cat > "$layers/launch.toml" <<END
[[labels]]
key = "of.buildpack"
value = "a \\"quoted\\" label"
[[slices]]
paths = ["static/*.css", "assets"]
[[processes]]
type = "web"
command = ["/bin/sh"]
args = ["-c", "say"]
default = true
[[processes]]
type = "worker"
command = ["sleep", "1"]
args = ["2"]
working-dir = "/tmp"
END
`;

const secondScript = `#!/bin/sh
set -eu
mkdir -p "$CNB_LAYERS_DIR/tool/env"
printf 'yes' > "$CNB_LAYERS_DIR/tool/env/SECOND.override"
printf '[types]\\nlaunch = true\\nbuild = true\\n' > "$CNB_LAYERS_DIR/tool.toml"
test "$(cat "$CNB_BP_PLAN_PATH")" != ""
`;

const descriptor = (id: string, more: string): string =>
  `api = "0.12"\n[buildpack]\nid = "${id}"\nversion = "1.0.0"\nhomepage = "https://example.test/${id}"\n${more}[[targets]]\nos = "linux"\n`;

/** Two buildpacks that make a layer of every kind, and an application with slices. Each build makes the same. */
export const interchangeFiles: Readonly<Record<string, string>> = {
  "buildpacks/test_layers/1.0.0/buildpack.toml": descriptor(
    "test/layers",
    'sbom-formats = ["application/vnd.cyclonedx+json", "application/spdx+json"]\n',
  ),
  "buildpacks/test_layers/1.0.0/bin/detect":
    '#!/bin/sh\nprintf \'[[provides]]\\nname = "thing"\\n\' > "$CNB_BUILD_PLAN_PATH"\n',
  "buildpacks/test_layers/1.0.0/bin/build": layersScript,
  "buildpacks/test_second/1.0.0/buildpack.toml": descriptor("test/second", ""),
  "buildpacks/test_second/1.0.0/bin/detect":
    '#!/bin/sh\nprintf \'[[requires]]\\nname = "thing"\\n[requires.metadata]\\nn = 1\\n[[provides]]\\nname = "other"\\n[[requires]]\\nname = "other"\\n\' > "$CNB_BUILD_PLAN_PATH"\n',
  "buildpacks/test_second/1.0.0/bin/build": secondScript,
  "order.toml":
    '[[order]]\n[[order.group]]\nid = "test/layers"\nversion = "1.0.0"\n[[order.group]]\nid = "test/second"\nversion = "1.0.0"\n',
  "app/main": "text\n",
  "app/static/a.css": "a\n",
  "app/static/b.txt": "b\n",
  "app/assets/deep/picture": "p\n",
};
