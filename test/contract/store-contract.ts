import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Context } from "../../lifecycle/context.ts";
import { silentLogger } from "../../lifecycle/logger.ts";
import { digestOf } from "../../lifecycle/oci/digest.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import type { ImageRef } from "../../lifecycle/oci/reference.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { validate } from "../../lifecycle/oci/validate.ts";
import { copyImage } from "../../lifecycle/stores/copy.ts";
import { memoryStore } from "../../lifecycle/stores/memory.ts";
import type { AccessCheck, ImageDeleter, ImageSink, ImageSource } from "../../lifecycle/stores/store.ts";
import { tarOfNoise, testImage } from "../fakes/images.ts";

/** A store under test. */
export interface StoreUnderTest {
  readonly store: ImageSource & ImageSink & ImageDeleter & AccessCheck;
  /** The registry part of references: `localhost:5000`. */
  readonly registry: string;
  /** False where every image has its own copy of its layers. */
  readonly sharesLayers?: boolean;
  /** False where images have no manifest, as in a container engine: the config's digest is then what identifies one. */
  readonly keepsManifests?: boolean;
  /** False where an image has to have a layer. */
  readonly allowsNoLayers?: boolean;
  readonly close: () => Promise<void>;
}

/** What every image store promises, checked against one of them. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let under: StoreUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under.close());
    const ref = (rest: string): ImageRef => parseReference(`${under.registry}/${rest}`);
    const read = async (reference: ImageRef): Promise<Image> => {
      const image = await under.store.resolve(reference);
      if (image === undefined) throw new Error(`${reference.original} is missing`);
      return image;
    };
    const identity = async (image: Image): Promise<string> => {
      return (under.keepsManifests === false ? await image.config() : await image.manifest()).digest;
    };

    test("an image that was never written is undefined, by tag and by digest", async () => {
      expect(await under.store.resolve(ref("absent:v1"))).toBeUndefined();
      expect(await under.store.resolve(ref(`absent@${digestOf("nothing")}`))).toBeUndefined();
    });

    test("an image whose history tells no times comes back with the same config", async () => {
      const { value } = await testImage({ layers: [tarOfNoise(3000, 5), tarOfNoise(3000, 6)] }).config();
      const layers = [5, 6].map((seed) => memoryLayer(tarOfNoise(3000, seed)));
      const history = [{ created_by: "one" }, { created_by: "two" }];
      const image = imageFromParts({ format: "docker", config: { ...value, history }, layers });
      await under.store.write(image, [ref("timeless:v1")]);
      expect((await (await read(ref("timeless:v1"))).config()).digest).toBe((await image.config()).digest);
    });

    test.each(["oci", "docker"] as const)("an image of %s type comes back byte for byte", async (format) => {
      const image = testImage({ layers: [tarOfNoise(3000, 1), tarOfNoise(70_000, 2)], format, labels: { a: "<b>" } });
      const report = await under.store.write(image, [ref(`bytes-${format}:v1`)]);
      const back = await read(ref(`bytes-${format}:v1`));
      expect(report.digest).toBe(await identity(image));
      if (under.keepsManifests !== false) {
        const [wrote, got] = [await image.manifest(), await back.manifest()];
        expect(Buffer.from(got.bytes).equals(wrote.bytes)).toBe(true);
        expect(report.manifestSize).toBe(wrote.bytes.length);
      }
      expect(Buffer.from((await back.config()).bytes).equals((await image.config()).bytes)).toBe(true);
      await validate(back);
    });

    test("a written image is found by its digest", async () => {
      const report = await under.store.write(testImage({ layers: [tarOfNoise(100, 3)] }), [ref("digest:v1")]);
      const back = await read(ref(`digest@${report.digest}`));
      expect(await identity(back)).toBe(report.digest);
    });

    test("all references point to the image", async () => {
      const refs = [ref("many/a:v1"), ref("many/a:v2"), ref("many/b:v1")];
      const report = await under.store.write(testImage({ layers: [tarOfNoise(100, 4)] }), refs);
      for (const one of refs) expect(await identity(await read(one))).toBe(report.digest);
    });

    test("a tag that is written again points to the new image, and the old one stays for others", async () => {
      const old = await under.store.write(testImage({ layers: [tarOfNoise(100, 5)] }), [
        ref("moved:v1"),
        ref("moved:old"),
      ]);
      const now = await under.store.write(testImage({ layers: [tarOfNoise(100, 6)] }), [ref("moved:v1")]);
      expect(now.digest).not.toBe(old.digest);
      expect(await identity(await read(ref("moved:v1")))).toBe(now.digest);
      await validate(await read(ref("moved:old")));
    });

    test("layers that are there are not written again", async () => {
      const shared = tarOfNoise(50_000, 7);
      await under.store.write(testImage({ layers: [shared] }), [ref("again:v1")]);
      const report = await under.store.write(testImage({ layers: [shared, tarOfNoise(100, 8)] }), [ref("again:v2")]);
      const outcomes = report.layers.map(({ outcome }) => outcome);
      expect(["present", "mounted"].includes(outcomes[0] ?? "")).toBe(under.sharesLayers !== false);
      expect(["sent", "linked"]).toContain(outcomes[1]);
      await validate(await read(ref("again:v2")));
    });

    test("the same layer twice is written once and reported twice", async () => {
      const twice = tarOfNoise(600_000, 9);
      const report = await under.store.write(testImage({ layers: [twice, twice] }), [ref("twice:v1")]);
      expect(report.layers).toHaveLength(2);
      await validate(await read(ref("twice:v1")));
    });

    test("an image without layers is an image", async ({ skip }) => {
      skip(under.allowsNoLayers === false, "this store has no images without layers");
      await under.store.write(testImage({ layers: [] }), [ref("empty:v1")]);
      expect(await (await read(ref("empty:v1"))).layers()).toEqual([]);
    });

    test("a layer that is not what it says is refused and the reference stays away", async () => {
      const good = testImage({ layers: [tarOfNoise(600_000, 10)] });
      const bad: Image = {
        ...good,
        layers: async () =>
          (await good.layers()).map((layer) => ({
            ...layer,
            compressed: async function* () {
              for await (const chunk of layer.compressed()) yield Buffer.from(chunk).fill(0);
            },
          })),
      };
      await expect(under.store.write(bad, [ref("bad:v1")])).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
      expect(await under.store.resolve(ref("bad:v1"))).toBeUndefined();
    });

    test("an aborted write leaves no reference", async () => {
      const stop = new AbortController();
      const image = testImage({ layers: [tarOfNoise(600_000, 11)] });
      const slow: Image = {
        ...image,
        layers: async () =>
          (await image.layers()).map((layer) => ({
            ...layer,
            compressed: async function* () {
              for await (const chunk of layer.compressed()) {
                stop.abort();
                yield chunk;
              }
            },
          })),
      };
      const ctx: Context = { logger: silentLogger, progress: noProgress, clock: () => new Date(), signal: stop.signal };
      await expect(under.store.write(slow, [ref("aborted:v1")], { ctx })).rejects.toMatchObject({ code: "CANCELED" });
      expect(await under.store.resolve(ref("aborted:v1"))).toBeUndefined();
    });

    test("a deleted image is gone, and deleting it again says so", async () => {
      await under.store.write(testImage({ layers: [tarOfNoise(100, 12)] }), [ref("deleted:v1")]);
      expect(await under.store.delete(ref("deleted:v1"))).toBe(true);
      expect(await under.store.resolve(ref("deleted:v1"))).toBeUndefined();
      expect(await under.store.delete(ref("deleted:v1"))).toBe(false);
    });

    test("who may write is told so", async () => {
      await under.store.checkAccess(ref("access:v1"), "write");
      await under.store.checkAccess(ref("access:v1"), "read");
    });

    test("an image copied in and out is the same", async () => {
      const outside = memoryStore();
      const there = parseReference("example.test/there:v1");
      const image = testImage({ layers: [tarOfNoise(700_000, 13)] });
      await outside.write(image, [there]);
      await copyImage({ store: outside, ref: there }, { store: under.store, refs: [ref("copy:v1")] });
      const back = memoryStore();
      const report = await copyImage({ store: under.store, ref: ref("copy:v1") }, { store: back, refs: [there] });
      expect(await identity(report.image)).toBe(await identity(image));
      await validate(report.image);
    });

    test("copying what does not exist is IMAGE_NOT_FOUND", async () => {
      const copy = copyImage({ store: under.store, ref: ref("absent:v1") }, { store: memoryStore(), refs: [] });
      await expect(copy).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    });
  });
}

const noProgress = { start: () => ({ advance: () => {}, total: () => {}, done: () => {} }) };
