import type { BadInput } from "./bad-input.ts";
import { buildCases } from "./cases/build.ts";
import { buildpackCases } from "./cases/buildpacks.ts";
import { imageCases } from "./cases/images.ts";
import { manifestCases } from "./cases/manifests.ts";
import { personCases } from "./cases/person.ts";

/** The wrong values and combinations of every command, by its name. */
export const cases: Readonly<Record<string, readonly BadInput[]>> = {
  build: buildCases,
  ...imageCases,
  ...buildpackCases,
  ...manifestCases,
  ...personCases,
};
