import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hashOnly } from "../../lifecycle/layers/hash-first.ts";
import { produced } from "../../lifecycle/layers/produced.ts";
import type { ByteSink } from "../../lifecycle/stores/blob-cache.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";

test("a stream has what was written, also when the writer uses its memory again and readers keep pieces", async () => {
  const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (parts, slow) => {
      const memory = new Uint8Array(50);
      const write = async (sink: ByteSink): Promise<void> => {
        for (const part of parts) {
          if (slow) await new Promise(setImmediate);
          memory.set(part);
          await sink.write(memory.subarray(0, part.length));
        }
      };
      const read: Uint8Array[] = [];
      for await (const piece of produced(write)) read.push(piece);
      expect(Buffer.concat(read)).toEqual(Buffer.concat(parts));
    }),
    { numRuns: 50 },
  );
});

test("who stops reading stops the writer, and waits until it has ended", async () => {
  let written = 0;
  let ended = false;
  const endless = async (sink: ByteSink): Promise<void> => {
    try {
      for (;;) {
        await sink.write(Buffer.from("x"));
        written += 1;
      }
    } finally {
      ended = true;
    }
  };
  for await (const _ of produced(endless)) if (written > 3) break;
  expect(ended).toBe(true);
});

test("what the writer throws is the reader's failure, after what was written before", async () => {
  const read: string[] = [];
  const failing = async (sink: ByteSink): Promise<void> => {
    await sink.write(Buffer.from("a"));
    throw new RangeError("broken");
  };
  const reading = async (): Promise<void> => {
    for await (const piece of produced(failing)) read.push(Buffer.from(piece).toString());
  };
  await expect(reading()).rejects.toThrow(RangeError);
  expect(read).toEqual(["a"]);
});

test("a layer that is only hashed costs no blob until somebody wants one", async () => {
  let packs = 0;
  const blobs = memoryBlobCache(1);
  const counting = {
    pack: (produce: Parameters<typeof blobs.pack>[0]) => ((packs += 1), blobs.pack(produce)),
    layer: blobs.layer.bind(blobs),
    file: blobs.file.bind(blobs),
    put: blobs.put.bind(blobs),
  };
  const layer = await hashOnly(counting).pack((sink) => Promise.resolve(sink.write(Buffer.from("tar"))));
  const read: Uint8Array[] = [];
  for await (const piece of layer.uncompressed()) read.push(piece);
  expect([Buffer.concat(read).toString(), packs]).toEqual(["tar", 0]);
  expect((await layer.descriptor()).digest).toMatch(/^sha256:/);
  expect(packs).toBe(1);
});
