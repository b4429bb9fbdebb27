import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { Releaser } from "../../lifecycle/oci/release.ts";

it("gives the memory of a large buffer back without a garbage collection", async () => {
  const releaser = new Releaser();
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 400; round++) {
    const bytes = Buffer.alloc(1 << 19, 1);
    releaser.release(bytes.subarray(0, 1000));
    expect(bytes).toHaveLength(0);
    await setImmediate();
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20);
});

it("leaves small buffers alone, whose memory others share", () => {
  const [one, other] = [Buffer.from("one"), Buffer.from("other")];
  new Releaser().release(one);
  expect(one.toString()).toBe("one");
  expect(other.toString()).toBe("other");
});
