import { afterAll, beforeAll } from "vitest";
import type { Image } from "../../lifecycle/oci/image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { registryStore, type RegistryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { appImage, runImage } from "../fakes/app-image.ts";
import { type CommandLine, commandLine } from "../fakes/command-line.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

/** The run image that applications have, and the one that they get. */
export const oldBase = runImage(1);
export const newBase = runImage(11);

/** The command line, and a registry with applications and run images. */
export interface RebaseSite {
  readonly line: CommandLine;
  readonly registry: FakeRegistry;
  readonly store: RegistryStore;
  /** The full name of a path in the registry. */
  readonly name: (path: string) => string;
  /** Returns the full name. */
  readonly push: (path: string, image: Image) => Promise<string>;
  /** An application on the old run image, which is pushed. */
  readonly app: (path: string, run?: string, settings?: Partial<Parameters<typeof appImage>[0]>) => Promise<Image>;
  readonly published: (path: string) => Promise<Image | undefined>;
}

/** DiffIDs of an image, which may be missing. */
export const diffIds = async (image: Image | undefined): Promise<readonly string[]> =>
  (await image?.config())?.value.rootfs.diff_ids ?? [];

/** What the label of an image says of its run image. */
export const recorded = async (image: Image | undefined): Promise<Record<string, unknown>> => {
  const label = (await image?.config())?.value.config?.Labels?.["io.buildpacks.lifecycle.metadata"] ?? "{}";
  return (JSON.parse(label) as { runImage: Record<string, unknown> }).runImage;
};

/** Gives the file that calls it a registry and a command line of its own. */
export function rebaseSite(): RebaseSite {
  let line: CommandLine;
  let registry: FakeRegistry;
  let store: RegistryStore;

  beforeAll(async () => {
    line = commandLine();
    registry = await startFakeRegistry();
    store = registryStore();
  });
  afterAll(async () => {
    line.remove();
    await registry.close();
  });

  const name = (path: string): string => `${registry.host}/${path}`;
  const push = async (path: string, image: Image): Promise<string> => {
    await store.write(image, [parseReference(name(path))]);
    return name(path);
  };
  const app = async (
    path: string,
    run = "run:1",
    settings: Partial<Parameters<typeof appImage>[0]> = {},
  ): Promise<Image> => {
    await push(run, oldBase);
    return appImage({ base: oldBase, runImage: name(run), ...settings, seed: path.length * 100 + path.charCodeAt(0) });
  };
  const published = (path: string): Promise<Image | undefined> => store.resolve(parseReference(name(path)));
  return {
    get line() {
      return line;
    },
    get registry() {
      return registry;
    },
    get store() {
      return store;
    },
    name,
    push,
    app,
    published,
  };
}
