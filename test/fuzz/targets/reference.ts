import { parseReference, refName } from "../../../lifecycle/oci/reference.ts";
import { bytesOf } from "../seeds.ts";
import type { FuzzTarget } from "../target.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

const seeds = [
  "debian", "debian:12", "library/debian", "docker.io/a", "localhost/a/b", "localhost:5000/a/b:tag", "[::1]:5000/a",
  "registry.localhost/a-b/c__d.e:v1.2_3", `a@${digest}`, `host:5000/a:tag@${digest}`,
]; // prettier-ignore

/** Image names: what is accepted has the specification's characters only, and reads as the same image when printed. */
export function referenceTarget(): FuzzTarget {
  return {
    name: "reference",
    seeds: seeds.map(bytesOf),
    words: ["localhost", ":5000", "@", digest, "sha512:", "/", "//", "..", "%2f", "?", "#", "user:password@", "A", "é"],
    open: () => ({
      parse: (input) => {
        const ref = parseReference(Buffer.from(input).toString("utf8"));
        if (
          !/^[\w.:[\]-]+$/.test(ref.registry) ||
          !/^[\w./-]+$/.test(ref.repository) ||
          ref.repository.includes("..")
        ) {
          throw new Error(`accepted as ${JSON.stringify(ref)}`);
        }
        const again = parseReference(refName(ref));
        if (refName(again) !== refName(ref)) throw new Error(`${refName(ref)} reads as ${refName(again)}`);
      },
    }),
  };
}
