import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { readLayout } from "../../../lifecycle/stores/layout/read-layout.ts";

// CI has the golden data: there it is a failure when it is missing.
const golden = process.env["TSPACK_GOLDEN"] ?? resolve(import.meta.dirname, "../../../../shared/golden");
const folder = join(golden, "run-images");
const there = process.env["CI"] !== undefined || existsSync(folder);
const names = existsSync(folder) ? readdirSync(folder) : [];

test.skipIf(!there)("the run images of the golden data are read and valid (needs the golden data)", async () => {
  expect(names).toContain("base-docker");
  for (const name of names) {
    const image = await readLayout(join(folder, name));
    if (image === undefined) throw new Error(`${name} has no image`);
    await validate(image, name);
  }
});
