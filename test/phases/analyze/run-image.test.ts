import { describe, expect, test } from "vitest";
import { platformFeatures } from "../../../lifecycle/cnb/api/platform.ts";
import { RemoteError } from "../../../lifecycle/errors.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { type RunImageChoice, selectRunImage } from "../../../lifecycle/phases/analyze.ts";
import type { AccessCheck } from "../../../lifecycle/stores/store.ts";

/** A registry check that lets only these names pass. */
function allowing(...names: readonly string[]): AccessCheck {
  return {
    checkAccess: async (ref) => {
      if (names.includes(ref.original)) return;
      const remote = { status: 401, method: "HEAD", url: `https://${ref.registry}/`, side: "source" as const };
      throw new RemoteError("UNAUTHORIZED", `${ref.original}: 401`, remote);
    },
  };
}

function choice(more: Partial<RunImageChoice> = {}): RunImageChoice {
  return {
    features: platformFeatures("0.13"),
    given: undefined,
    declared: { image: "one.test/run", mirrors: ["two.test/run", "three.test/run"] },
    output: parseReference("two.test/app"),
    ...more,
  };
}

describe("the run image", () => {
  test("a given one is taken as it is", async () => {
    expect((await selectRunImage(choice({ given: "four.test/run:1" }), allowing())).original).toBe("four.test/run:1");
  });

  test("the mirror in the registry of the output is preferred", async () => {
    const ref = await selectRunImage(choice(), allowing("one.test/run", "two.test/run"));
    expect(ref.original).toBe("two.test/run");
  });

  test("one that cannot be read is passed over", async () => {
    expect((await selectRunImage(choice(), allowing("three.test/run"))).original).toBe("three.test/run");
  });

  test("without a registry every image can be read, and the order of preference stays", async () => {
    expect((await selectRunImage(choice(), undefined)).original).toBe("two.test/run");
  });

  test("when none can be read the error names every attempt", async () => {
    await expect(selectRunImage(choice(), allowing())).rejects.toMatchObject({
      code: "INVALID_ARGUMENTS",
      message: "failed to resolve inputs: failed to find accessible run image",
      cause: {
        message:
          "two.test/run: two.test/run: 401; one.test/run: one.test/run: 401; three.test/run: three.test/run: 401",
      },
    });
  });

  test.each([
    ["0.13", "failed to resolve inputs: -run-image is required when there is no run metadata available"],
    ["0.11", "failed to resolve inputs: missing run image metadata (-run-image)"],
  ])("at Platform API %s nothing declared and nothing given is an error", async (api, message) => {
    const nothing = choice({ features: platformFeatures(api), declared: undefined });
    await expect(selectRunImage(nothing, undefined)).rejects.toMatchObject({ code: "INVALID_ARGUMENTS", message });
  });
});
