import { isDeepStrictEqual } from "node:util";
import { buildpackApis, buildpackFeatures } from "../../../lifecycle/cnb/api/buildpack.ts";
import { platformApis, platformFeatures } from "../../../lifecycle/cnb/api/platform.ts";
import { decodeAnalyzed, encodeAnalyzed } from "../../../lifecycle/cnb/files/analyzed.ts";
import { decodeBuildToml } from "../../../lifecycle/cnb/files/build-toml.ts";
import { decodeBuildpackToml } from "../../../lifecycle/cnb/files/buildpack-toml.ts";
import { decodeExtendConfig } from "../../../lifecycle/cnb/files/extend-config.ts";
import { decodeGroup, decodeOrder, encodeGroup, encodeOrder } from "../../../lifecycle/cnb/files/group.ts";
import { decodeLaunchToml } from "../../../lifecycle/cnb/files/launch-toml.ts";
import { decodeLayerToml } from "../../../lifecycle/cnb/files/layer-toml.ts";
import { decodeBuildMetadata, encodeBuildMetadata } from "../../../lifecycle/cnb/files/metadata-toml.ts";
import { decodeBuildPlan, decodePlan, encodePlan } from "../../../lifecycle/cnb/files/plan.ts";
import { decodeProjectMetadata } from "../../../lifecycle/cnb/files/project-metadata.ts";
import { decodeRunToml, decodeStackToml } from "../../../lifecycle/cnb/files/run-toml.ts";
import { decodeStoreToml, encodeStoreToml } from "../../../lifecycle/cnb/files/store-toml.ts";
import { decodeSystem } from "../../../lifecycle/cnb/files/system.ts";
import { TspackError } from "../../../lifecycle/errors.ts";
import { parseToml, type TomlDocument, writeToml } from "../../../lifecycle/toml.ts";
import { bytesOf, goldenFiles, goldenInputs } from "../seeds.ts";
import type { FuzzTarget } from "../target.ts";

/** TOML's whole syntax in one text. */
const syntax = `# comment
title = "a\\tb\\u00e9\\U0001F600"
literal = 'C:\\x'
multi = """
one \\
  two"""
raw = '''
three'''
integers = [1, -2, +3, 0x1F, 0o17, 0b1, 1_000, 9223372036854775807]
floats = [1.5, -0.0, 1e3, inf, nan, 6.626e-34]
dates = [1979-05-27T07:32:00Z, 1979-05-27T00:32:00.999999-07:00, 1979-05-27 07:32:00, 1979-05-27, 07:32:00]
a.b."c d" = { x = 1, y = { z = [] } }
[table.'sub table']
key = true
[[tables]]
[[tables.nested]]
n = 1
[[tables]]
`;

const words = [
  "[[", "]]", '"""', "'''", "= [", "= {", "0x", "1979-02-30", "07:32:61", "inf", "nan", "[processes]", "[[processes]]",
  "[[processes.type]]", 'type = ["x"]', "[[buildpacks]]", "[[group]]", "[[order]]", "[[or]]", "[[or.requires]]",
  "[[entries]]", "[[entries.providers]]", "[types]", "[metadata]", "[run-image]", "[[targets]]", "[[targets.distros]]",
  "[buildpack]", 'id = "a/b"', 'api = "0.10"', 'api = "1e9"', "launch = 1", "direct = true", "args = [1]", "[[stacks]]",
  "[[slices]]", "[[labels]]", "[[bom]]", "[[unmet]]", 'exec-env = [""]', "mirrors = {}", "version = 1",
]; // prettier-ignore

const bom = { id: "a/b", version: "1" };

const codecs: readonly ((document: TomlDocument) => unknown)[] = [
  (document) => encodeAnalyzed(decodeAnalyzed(document)),
  (document) => decodeBuildToml(document, bom),
  (document) => decodeBuildpackToml(document, "/cnb/buildpacks/a_b/1"),
  decodeExtendConfig,
  (document) => encodeGroup(decodeGroup(document)),
  (document) => encodeOrder(decodeOrder(document)),
  ...buildpackApis.map((api) => {
    const features = buildpackFeatures(api, { kind: "Buildpack", name: "a/b@1" });
    return (document: TomlDocument) => decodeLaunchToml(document, features, bom);
  }),
  decodeLayerToml,
  (document) => {
    const metadata = decodeBuildMetadata(document);
    return platformApis.map((api) => encodeBuildMetadata(metadata, platformFeatures(api)));
  },
  decodeBuildPlan,
  (document) => encodePlan(decodePlan(document)),
  decodeProjectMetadata,
  decodeRunToml,
  decodeStackToml,
  (document) => encodeStoreToml(decodeStoreToml(document)),
  decodeSystem,
];

/** The parser, every codec of a file, and that what was read is written so that it reads the same. */
export function tomlTarget(): FuzzTarget {
  return {
    name: "toml",
    seeds: [bytesOf(syntax), ...goldenFiles(/\.toml$/, 120), ...goldenInputs(/\.toml$/, 120)],
    words,
    open: () => ({
      parse: (input) => {
        const document = parseToml(input, "fuzz.toml");
        for (const codec of codecs) expectTspackError(() => codec(document));
        const written = writeToml(document.table);
        const back = parseToml(written, "written.toml");
        if (!isDeepStrictEqual(back.table, document.table)) throw new Error(`written as another table:\n${written}`);
      },
    }),
  };
}

function expectTspackError(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
  }
}
