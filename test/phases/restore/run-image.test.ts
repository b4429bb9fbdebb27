import { expect, test } from "vitest";
import { TspackError } from "../../../lifecycle/errors.ts";
import { checkRunImage } from "../../../lifecycle/phases/restore.ts";
import type { AccessCheck } from "../../../lifecycle/stores/store.ts";

const denying: AccessCheck = {
  checkAccess: async () => {
    throw new TspackError("UNAUTHORIZED", "401");
  },
};
const run = { images: [{ image: "one.test/run", mirrors: ["two.test/run:latest"] }] };

test.each(["one.test/run:latest", "two.test/run"])(
  "%s of run.toml that cannot be read stops the restorer",
  async (image) => {
    await expect(checkRunImage(image, run, denying)).rejects.toMatchObject({
      code: "UNAUTHORIZED",
      message: `selected run image '${image}' is not accessible`,
    });
  },
);

test("an image that run.toml does not name is not looked at", async () => {
  await checkRunImage("one.test/run:other", run, denying);
});

test("without a registry nothing is looked at", async () => {
  await checkRunImage("one.test/run", run, undefined);
});
