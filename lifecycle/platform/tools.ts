import { join } from "node:path";
import type { Context } from "../context.ts";
import type { BlobCache } from "../stores/blob-cache.ts";
import { type BlobCacheOptions, openBlobCache } from "../stores/blob-cache/open.ts";
import { layoutStore, type LayoutStore } from "../stores/layout/layout-store.ts";
import { type Leases, openLeases } from "../stores/leases.ts";
import type { ProxySettings } from "../stores/registry/proxy.ts";
import type { RegistryStore } from "../stores/registry/registry-store.ts";
import type { ImageSource, Keychain } from "../stores/store.ts";
import { type Machine, searchPath } from "./machine.ts";
import { type Places, placesFrom } from "./places.ts";
import type { SandboxSearch } from "./runners/sandbox/sandbox.ts";
import { readSettings, type Settings } from "./settings.ts";
import { mirroredSource } from "./settings/registry-mirrors.ts";

/** What every operation works with: the stores and places of this machine. */
export interface Tools {
  readonly machine: Machine;
  readonly network: NetworkAccess;
  readonly ctx: Context;
  readonly places: Places;
  /** The local image store. */
  readonly local: LayoutStore;
  readonly registries: RegistryStore;
  readonly settings: Settings;
  /** Registries as base images are fetched from them: by the mirrors of the settings. */
  readonly pulls: ImageSource;
  /** Looks here first and then in the registry that the name says. */
  readonly images: ImageSource;
  /** How is compressed what has to be; layers that were compressed before stay as they are. */
  blobs(how?: Omit<BlobCacheOptions, "ctx">): Promise<BlobCache>;
  /** Keeps what is used from those who collect garbage. Whoever works for long gives it back. */
  readonly leases: Leases;
}

/** How other machines are reached: made of the environment by whoever may read credentials. */
export interface NetworkAccess {
  readonly registries: RegistryStore;
  /** Credentials, for others that fetch or push in this person's name: phases in containers, an engine. */
  readonly keychain: Keychain;
  readonly proxy: ProxySettings;
  /** Certificates in PEM that this machine trusts besides those of the runtime. */
  readonly certificates: string | undefined;
}

/** Opens the stores of a machine. Throws `INVALID_ENV`, `INVALID_TOML` of the settings. */
export function openTools(machine: Machine, network: NetworkAccess, ctx: Context): Tools {
  const places = placesFrom(machine.env);
  const leases = openLeases(places.users);
  const local = layoutStore(places.images, { leases });
  const { registries } = network;
  const settings = readSettings(places.config);
  const pulls = mirroredSource(registries, settings, ctx.logger);
  const images: ImageSource = {
    resolve: async (ref, options) => (await local.resolve(ref, options)) ?? pulls.resolve(ref, options),
  };
  const blobs = (how: Omit<BlobCacheOptions, "ctx"> = {}): Promise<BlobCache> =>
    openBlobCache(places.blobs, { ctx, ...how });
  return { machine, network, ctx, places, local, registries, settings, pulls, images, blobs, leases };
}

/** Where a sandbox is looked for. */
export function sandboxSearch(machine: Machine, only: SandboxSearch["only"]): SandboxSearch {
  return { path: searchPath(machine), init: sandboxInit(machine), only };
}

/** Our first process of sandboxes that `unshare` makes. */
function sandboxInit({ packageRoot }: Machine): string {
  return join(packageRoot, "dist/native", `linux-${process.arch === "arm64" ? "arm64" : "amd64"}`, "sandbox-init");
}
