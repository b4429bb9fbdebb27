import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Image } from "../../lifecycle/oci/image.ts";
import type { ByteStream, Layer } from "../../lifecycle/oci/layer.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import {
  appendLayers,
  mutate,
  setAnnotations,
  setCreated,
  setEnv,
  setFormat,
  setLabels,
  variable,
} from "../../lifecycle/oci/mutate.ts";
import { rebase } from "../../lifecycle/oci/rebase.ts";
import { validate } from "../../lifecycle/oci/validate.ts";

const layers = (names: readonly string[]): readonly Layer[] => names.map((name) => memoryLayer(Buffer.from(name)));
const image = (names: readonly string[], format: "oci" | "docker" = "oci"): Image =>
  imageFromParts({ config: { architecture: "amd64", os: "linux" }, layers: layers(names), format });
const diffIds = async (of: Image) => (await of.config()).value.rootfs.diff_ids;
const tar = async (layer: Layer) => (await collect(layer.uncompressed())).toString();
const tars = async (of: Image) => Promise.all((await of.layers()).map(tar));

const names = fc.array(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });

describe("mutate", () => {
  test("every image that edits make is valid", async () => {
    await fc.assert(
      fc.asyncProperty(
        names,
        names,
        fc.constantFrom("oci", "docker"),
        fc.boolean(),
        async (base, added, format, keep) => {
          const edited = mutate(
            image(base),
            appendLayers(layers(added).map((layer) => ({ layer, history: { created_by: "x" } }))),
            setLabels({ a: "<b>" }),
            setAnnotations({ k: "v" }),
            setFormat(format),
            setCreated("1980-01-01T00:00:01Z", { keep }),
          );
          await validate(edited);
          expect(await tars(edited)).toEqual([...base, ...added]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("the image before an edit stays as it was", async () => {
    const before = image(["a"]);
    const first = (await before.config()).digest;
    await mutate(before, setLabels({ x: "y" })).config();
    expect((await before.config()).digest).toBe(first);
  });

  test("a label of undefined is removed", async () => {
    const labelled = mutate(image(["a"]), setLabels({ x: "1", y: "2" }), setLabels({ x: undefined }));
    expect((await labelled.config()).value.config?.Labels).toEqual({ y: "2" });
  });

  test("a variable is replaced in its place and may contain =", async () => {
    const edited = mutate(
      image(["a"]),
      setEnv([
        ["A", "1"],
        ["B", "2"],
      ]),
      setEnv([
        ["A", "x=y"],
        ["C", ""],
      ]),
    );
    const env = (await edited.config()).value.config?.Env;
    expect(env).toEqual(["A=x=y", "B=2", "C="]);
    expect([variable(env, "A"), variable(env, "C"), variable(env, "D")]).toEqual(["x=y", "", undefined]);
  });

  test("history that does not fit the layers becomes one empty line per layer", async () => {
    const history = [{ created_by: "only" }];
    const base = imageFromParts({
      config: { architecture: "", os: "linux", history },
      layers: layers(["a", "b"]),
      format: "oci",
    });
    const edited = mutate(base, appendLayers([{ layer: memoryLayer(Buffer.from("c")), history: { created_by: "c" } }]));
    expect((await edited.config()).value.history).toEqual([{}, {}, { created_by: "c" }]);
  });

  test("lines of empty layers go", async () => {
    const history = [{ created_by: "a" }, { created_by: "ENV", empty_layer: true }];
    const base = imageFromParts({
      config: { architecture: "", os: "linux", history },
      layers: layers(["a"]),
      format: "oci",
    });
    expect((await mutate(base, setCreated("t", { keep: true })).config()).value.history).toEqual([
      { created_by: "a", created: "t" },
    ]);
  });

  test("Docker's manifest names the types Docker's way and the bytes stay", async () => {
    const [oci, docker] = [image(["a"]), mutate(image(["a"]), setFormat("docker"))];
    const manifest = (await docker.manifest()).value;
    expect(manifest.mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    expect(manifest.layers[0]?.mediaType).toBe("application/vnd.docker.image.rootfs.diff.tar.gzip");
    expect(manifest.layers[0]?.digest).toBe((await oci.manifest()).value.layers[0]?.digest);
  });
});

describe("rebase", () => {
  test("keeps the app's layers whatever the bases are, and reads none of them", async () => {
    await fc.assert(
      fc.asyncProperty(names, names, names, async (oldBase, newBase, app) => {
        const additions = app.map((name) => ({ layer: unread(`app ${name}`), history: { created_by: name } }));
        const built = mutate(image(oldBase), appendLayers(additions));
        const top = (await diffIds(image(oldBase))).at(-1);
        if (top === undefined || oldBase.indexOf(oldBase.at(-1) ?? "") !== oldBase.length - 1) return;
        const rebased = await rebase(built, top, image(newBase));
        const wanted = [...(await diffIds(image(newBase))), ...additions.map(({ layer }) => layer.diffId)];
        expect(await diffIds(rebased)).toEqual(wanted);
        expect((await rebased.config()).value.history?.slice(newBase.length)).toEqual(
          app.map((name) => ({ created_by: name })),
        );
      }),
      { numRuns: 30 },
    );
  });

  test("takes architecture and variant of the new base and nothing else of its config", async () => {
    const newBase = imageFromParts({
      config: { architecture: "arm64", variant: "v8", os: "linux", config: { Env: ["NEW=1"] } },
      layers: layers(["n"]),
      format: "oci",
    });
    const app = mutate(image(["a"]), setEnv([["OLD", "1"]]));
    const rebased = await rebase(app, (await diffIds(app))[0] as never, newBase);
    await validate(rebased);
    expect((await rebased.config()).value).toMatchObject({
      architecture: "arm64",
      variant: "v8",
      config: { Env: ["OLD=1"] },
    });
  });

  test("an image without the recorded layer is refused", async () => {
    const other = (await diffIds(image(["z"])))[0];
    await expect(rebase(image(["a"]), other as never, image(["n"]))).rejects.toMatchObject({ code: "REBASE_FAILED" });
  });
});

describe("validate", () => {
  test("names a layer whose bytes are not its DiffID's and one whose blob is another", async () => {
    const [good, other] = layers(["a", "b"]) as readonly [Layer, Layer];
    const lying: Layer = { ...good, compressed: () => other.compressed(), uncompressed: () => other.uncompressed() };
    const broken = imageFromParts({ config: { architecture: "", os: "linux" }, layers: [lying], format: "oci" });
    await expect(validate(broken)).rejects.toMatchObject({
      code: "INVALID_IMAGE",
      issues: [
        expect.objectContaining({ path: "layers[0].digest" }),
        expect.objectContaining({ path: "layers[0] DiffID" }),
      ],
    });
  });

  test("a layer that is named gzip and is not is read as it is", async () => {
    const plain = memoryLayer(Buffer.alloc(1024), { compress: false });
    await validate(imageFromParts({ config: { architecture: "", os: "linux" }, layers: [plain], format: "oci" }));
    expect(plain.diffId).toBe("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
  });

  test("a cut gzip layer is an invalid image", async () => {
    const cut = (await collect(memoryLayer(Buffer.alloc(9000, "x")).compressed())).subarray(0, 20);
    const layer = memoryLayer(cut, { compress: false });
    await expect(tar(layer)).rejects.toMatchObject({ code: "INVALID_IMAGE" });
  });
});

async function collect(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A layer that fails the test when someone reads it. */
function unread(name: string): Layer {
  const layer = memoryLayer(Buffer.from(name));
  return { ...layer, compressed: refuseToRead, uncompressed: refuseToRead };
}

function refuseToRead(): never {
  throw new Error("read");
}
