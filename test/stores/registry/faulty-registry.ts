import { afterEach, beforeEach } from "vitest";
import type { ImageRef } from "../../../lifecycle/oci/reference.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { validate } from "../../../lifecycle/oci/validate.ts";
import { registryStore } from "../../../lifecycle/stores/registry/registry-store.ts";
import type { RegistryStoreOptions } from "../../../lifecycle/stores/registry/registry-store.ts";
import { noise, testImage } from "../../fakes/images.ts";
import { startFakeRegistry } from "../../fakes/registry.ts";
import type { FakeRegistry } from "../../fakes/registry.ts";

export const image = testImage({ layers: [noise(1_500_000, 21)] });

/** A registry with faults, and one image for it. */
export interface FaultyRegistry {
  readonly registry: FakeRegistry;
  readonly ref: ImageRef;
  /** Another registry in the place of one that was closed. */
  readonly restart: () => Promise<void>;
  /** Writes the image with a fresh store and reads everything back with another. */
  readonly roundTrip: (options?: RegistryStoreOptions) => Promise<void>;
}

/** Soon, three times. */
export const retry = { attempts: 3, delay: 2, longest: 40 };

/** A store that tries again soon. */
export const open = (options: RegistryStoreOptions = {}): ReturnType<typeof registryStore> =>
  registryStore({ retry, timeout: 5000, ...options });

/** Gives every test of the file that calls it a registry of its own. */
export function faultyRegistry(): FaultyRegistry {
  let registry: FakeRegistry;
  let ref: ImageRef;
  const restart = async (): Promise<void> => {
    registry = await startFakeRegistry();
    ref = parseReference(`${registry.host}/app:v1`);
  };
  beforeEach(restart);
  afterEach(() => registry.close());
  return {
    get registry() {
      return registry;
    },
    get ref() {
      return ref;
    },
    restart,
    roundTrip: async (options = {}) => {
      await open(options).write(image, [ref]);
      const back = await open().resolve(ref);
      if (back === undefined) throw new Error("the image is missing");
      await validate(back);
    },
  };
}
