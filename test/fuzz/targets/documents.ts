import { decodeCacheMetadata, decodeLayersMetadata } from "../../../lifecycle/cnb/files/lifecycle-metadata.ts";
import { decodeBuildLabel } from "../../../lifecycle/cnb/labels.ts";
import { TspackError } from "../../../lifecycle/errors.ts";
import { decodeConfig, encodeConfig } from "../../../lifecycle/oci/image-config.ts";
import {
  decodeIndex,
  decodeManifest,
  encodeIndex,
  encodeManifest,
  selectPlatform,
} from "../../../lifecycle/oci/manifest.ts";
import { bytesOf, goldenFiles } from "../seeds.ts";
import type { FuzzTarget } from "../target.ts";

const digest = `sha256:${"ab".repeat(32)}`;

const ownSeeds = [
  `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"${digest}","size":7,"platform":{"os":"linux","architecture":"arm64","variant":"v8"}}],"annotations":{"a":"b"}}`,
  `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"${digest}","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"${digest}","size":1,"urls":["https://a/"]}]}`,
  `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["${digest}"]},"history":[{"created_by":"x","empty_layer":true}],"config":{"Env":["A=b"],"Labels":{"a":"b"},"Entrypoint":null}}`,
  `{"buildpacks":[{"key":"a/b","version":"1","layers":{"l":{"sha":"${digest}","data":{"n":1.5},"build":true,"launch":false,"cache":true}},"store":{"metadata":{"a":[1]}}}],"sbom":{"sha":"${digest}"}}`,
  `{"app":[{"sha":"${digest}"}],"config":{"sha":""},"launcher":{"sha":""},"process-types":{"sha":""},"buildpacks":[],"runImage":{"topLayer":"${digest}","reference":"r","mirrors":["m"]},"stack":{"runImage":{"image":"i"}}}`,
  `{"processes":[{"type":"web","command":["a"],"args":null,"direct":true,"buildpackID":"a/b"}],"buildpacks":[{"id":"a/b","version":"1"}],"bom":null,"launcher":{"version":"0","source":{"git":{"repository":"r","commit":"c"}}}}`,
];

const words = [
  '"schemaVersion":2', '"mediaType":', '"digest":"sha256:"', '"size":-1', '"size":1e400', '"layers":null', "[[[[", '{"a":',
  '"diff_ids":[]', '"config":[]', '"history":{}', '"Labels":{"__proto__":1}', '"urls":[1]', '"platform":null',
]; // prettier-ignore

const documents: readonly ((bytes: Uint8Array, text: string) => unknown)[] = [
  (bytes) => encodeManifest(decodeManifest(bytes, "manifest").value),
  (bytes) => {
    const { value } = decodeIndex(bytes, "index");
    return [encodeIndex(value), selectPlatform(value, { os: "linux", architecture: "amd64" })];
  },
  (bytes) => encodeConfig(decodeConfig(bytes, "config").value),
  (bytes) => decodeCacheMetadata(bytes, "cache"),
  (_, text) => decodeLayersMetadata(text),
  (_, text) => decodeBuildLabel(text),
];

/** JSON documents of images: manifest, index, config, and the labels that hold JSON. */
export function documentsTarget(): FuzzTarget {
  return {
    name: "documents",
    seeds: [...ownSeeds.map(bytesOf), ...goldenFiles(/^(manifest|index|config|cache-metadata)\.json$/, 60)],
    words,
    open: () => ({
      parse: (input) => {
        const text = Buffer.from(input).toString("utf8");
        for (const document of documents) {
          try {
            document(input, text);
          } catch (error) {
            if (!(error instanceof TspackError)) throw error;
          }
        }
      },
    }),
  };
}
