import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { layoutStore } from "../../../lifecycle/stores/layout/layout-store.ts";
import { openLeases } from "../../../lifecycle/stores/leases.ts";
import { noise, testImage } from "../../fakes/images.ts";

// A process of its own that works with a store: it writes, reads or collects until its time is over, and
// on a busy machine until it has done enough for the test to say something.
const [directory = "", users = "", role = "", seed = "0", seconds = "1"] = process.argv.slice(2);
const end = Date.now() + Number(seconds) * 1000;
const counts: Record<string, number> = { rounds: 0, read: 0, removed: 0 };
/** What the test asks of each: writers leave more behind than collectors have to find. */
const proof = role === "read" ? "read" : role === "prune" ? "removed" : "rounds";
const enough = (): boolean => (counts["rounds"] ?? 0) >= 6 && (counts[proof] ?? 0) >= 6;
const count = (name: string, by = 1): void => void (counts[name] = (counts[name] ?? 0) + by);

for (let round = 0; Date.now() < end || !enough(); round += 1) {
  // As a command of its own: it has a lease as long as it works.
  const leases = openLeases(users);
  const store = layoutStore(directory, { leases });
  count("rounds");
  if (role === "write") {
    const number = Number(seed) * 1000 + round;
    const image = testImage({ layers: [noise(20_000, 1), noise(20_000, 2 + (number % 5)), noise(3000, number)] });
    await store.write(image, [parseReference("shared"), parseReference(`own-${seed}`)]);
    if (round % 3 === 2) await store.delete(parseReference(`own-${seed}`));
  } else if (role === "read") {
    const image = await store.resolve(parseReference("shared"));
    // Time for its name to be given away and for its blobs to be collected.
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (image !== undefined) {
      await validate(image);
      count("read");
    }
  } else {
    count("removed", (await store.prune({ grace: 0 })).blobs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await leases.end();
}
process.stdout.write(JSON.stringify(counts));
