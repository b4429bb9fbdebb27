import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.ts";

/** Where tspack keeps things on this machine. DESIGN §7. */
export interface Places {
  /** The local image store: an OCI layout that other tools can read. */
  readonly images: string;
  /** Root file systems of builders and images, unpacked once per digest. */
  readonly rootfs: string;
  /** Layers of buildpacks, unpacked once per DiffID. */
  readonly buildpacks: string;
  /** Manifest lists that are being put together. */
  readonly manifests: string;
  /** Volumes of `--volume` that have a name. */
  readonly volumes: string;
  /** When cache volumes of container engines were used last, which engines do not tell: a file per volume. */
  readonly engineVolumes: string;
  /** Who works with all of this at the moment: a file per process. */
  readonly users: string;
  /** Work of running builds, each in a private directory of its own. */
  readonly builds: string;
  /** Compressed layers, shared by all images and builds. */
  readonly blobs: string;
  /** One build cache per application image. */
  readonly caches: string;
  /** Downloaded distribution and npm packages. */
  readonly downloads: string;
  /** Locks of the stacks that were made here. */
  readonly stacks: string;
  /** Settings of the person: `config.toml`. */
  readonly config: string;
}

/** The variables that decide, as the process got them. */
export interface PlacesEnv {
  readonly TSPACK_HOME?: string | undefined;
  readonly HOME?: string | undefined;
  readonly XDG_DATA_HOME?: string | undefined;
  readonly XDG_CACHE_HOME?: string | undefined;
  readonly XDG_CONFIG_HOME?: string | undefined;
}

/**
 * Works out the places: `TSPACK_HOME` moves all of them, else the XDG variables and HOME count.
 * Throws `INVALID_ENV` when none is set or one is not absolute.
 */
export function placesFrom(env: PlacesEnv): Places {
  const home = absolute("TSPACK_HOME", env.TSPACK_HOME);
  if (home !== undefined) return placesIn(join(home, "data"), join(home, "cache"), join(home, "config"));
  const base = (name: "XDG_DATA_HOME" | "XDG_CACHE_HOME" | "XDG_CONFIG_HOME", fallback: string): string =>
    join(absolute(name, env[name]) ?? join(userHome(env), fallback), "tspack");
  return placesIn(
    base("XDG_DATA_HOME", ".local/share"),
    base("XDG_CACHE_HOME", ".cache"),
    base("XDG_CONFIG_HOME", ".config"),
  );
}

function placesIn(data: string, cache: string, config: string): Places {
  return {
    images: join(data, "images"),
    rootfs: join(data, "rootfs-v1"),
    buildpacks: join(data, "buildpacks-v1"),
    manifests: join(data, "manifests"),
    volumes: join(data, "volumes"),
    engineVolumes: join(data, "engine-volumes"),
    users: join(data, "users"),
    builds: join(data, "builds"),
    blobs: join(cache, "blobs"),
    caches: join(cache, "builds"),
    downloads: join(cache, "downloads"),
    stacks: join(data, "stacks"),
    config: join(config, "config.toml"),
  };
}

function userHome(env: PlacesEnv): string {
  const home = absolute("HOME", env.HOME);
  if (home !== undefined) return home;
  const issue = { source: "env HOME", path: "", expected: "an absolute path", got: "nothing" };
  throw new InputError("INVALID_ENV", "there is no place to keep images and caches", [issue], {
    hint: "set HOME, or TSPACK_HOME to a directory that may be written",
  });
}

function absolute(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (value.startsWith("/")) return value;
  const issue = { source: `env ${name}`, path: "", expected: "an absolute path", got: JSON.stringify(value) };
  throw new InputError("INVALID_ENV", `${name} is not an absolute path`, [issue], {
    hint: `set ${name} to an absolute path or unset it`,
  });
}

/** Makes a directory that only its owner may enter. */
export async function privateDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}
