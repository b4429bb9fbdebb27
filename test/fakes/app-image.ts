import type { Image } from "../../lifecycle/oci/image.ts";
import { appendLayers, mutate, setEnv, setLabels } from "../../lifecycle/oci/mutate.ts";
import { editContainer } from "../../lifecycle/oci/mutate.ts";
import { memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import { digestOf } from "../../lifecycle/oci/digest.ts";
import type { ManifestFormat } from "../../lifecycle/oci/media-type.ts";
import { tarOfNoise, testImage } from "./images.ts";

/** How an application image of a test is. */
export interface AppImage {
  readonly base: Image;
  /** The run image as the label names it. */
  readonly runImage: string;
  readonly mirrors?: readonly string[];
  /** Makes images different. */
  readonly seed?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** A tar that is the SBOM layer. */
  readonly sbom?: Uint8Array;
  readonly entrypoint?: readonly string[];
}

/** A run image of some layers; the seed makes it another one. */
export function runImage(seed: number, format?: ManifestFormat, architecture?: string): Image {
  const layers = [tarOfNoise(300, seed), tarOfNoise(200, seed + 1)];
  return testImage({
    layers,
    ...(format === undefined ? {} : { format }),
    ...(architecture === undefined ? {} : { architecture }),
  });
}

/** An image as an exporter of Platform API 0.12 leaves it: on a base, with its labels. */
export async function appImage(app: AppImage): Promise<Image> {
  const { base, seed = 1000 } = app;
  const { diff_ids: below } = (await base.config()).value.rootfs;
  const tars = [tarOfNoise(400, seed), ...(app.sbom === undefined ? [] : [app.sbom])];
  const metadata = {
    app: [{ sha: digestOf(tars[0] as Uint8Array) }],
    ...(app.sbom === undefined ? {} : { sbom: { sha: digestOf(app.sbom) } }),
    buildpacks: [],
    config: { sha: "" },
    launcher: { sha: "" },
    "process-types": { sha: "" },
    runImage: {
      topLayer: below.at(-1),
      reference: `${app.runImage.replace(/:[^:/]*$/, "")}@${(await base.manifest()).digest}`,
      image: app.runImage,
      ...(app.mirrors === undefined ? {} : { mirrors: app.mirrors }),
    },
  };
  const build = {
    bom: [{ name: "left-pad", metadata: { version: "1.3.0" }, buildpack: { id: "a/node", version: "1.2.3" } }],
    buildpacks: [{ id: "a/node", version: "1.2.3", homepage: "https://node.example.com" }],
    launcher: { version: "0.21.0", source: { git: { repository: "", commit: "" } } },
    processes: [
      { type: "web", command: ["node", "server.js"], args: ["--port", "8080"], direct: true, "working-dir": "" },
      { type: "task", command: ["echo"], args: null, direct: true },
    ],
  };
  return mutate(
    base,
    appendLayers(tars.map((tar) => ({ layer: memoryLayer(tar) }))),
    setEnv([["CNB_PLATFORM_API", "0.12"]]),
    editContainer((container) => ({
      ...container,
      Entrypoint: app.entrypoint ?? ["/cnb/process/web"],
      WorkingDir: "/workspace",
    })),
    setLabels({
      "io.buildpacks.lifecycle.metadata": JSON.stringify(metadata),
      "io.buildpacks.build.metadata": JSON.stringify(build),
      ...app.labels,
    }),
  );
}
