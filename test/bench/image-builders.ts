import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canStartEngine, startDockerEngine } from "../e2e/docker-engine.ts";
import { isInstalled } from "../fakes/docker-registry.ts";
import type { Contestant } from "./compete.ts";

/** A way of others from a directory to an image in a registry. */
export interface ImageBuilder {
  readonly name: string;
  readonly missing?: string | undefined;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly remark?: string;
  /** Takes so long that once has to be enough. */
  readonly slow: boolean;
}

/** Builders with what they keep on this machine. */
export interface ImageBuilders {
  readonly builders: readonly ImageBuilder[];
  readonly close: () => Promise<void>;
}

/** What is made into an image: a folder of a directory, as one layer. */
export interface Source {
  readonly directory: string;
  readonly context: string;
  readonly folder: string;
  /** `HOST:PORT` of the registry. */
  readonly host: string;
}

/** Sets up everyone who is installed. */
export async function startImageBuilders(source: Source): Promise<ImageBuilders> {
  const dockerfile = join(source.directory, "Dockerfile");
  writeFileSync(dockerfile, `FROM scratch\nCOPY ${source.folder} /layers/${source.folder}\n`);
  const overlay = buildah(source, dockerfile, "overlay");
  const vfs = buildah(source, dockerfile, "vfs");
  const docker = await dockerBuild(source, dockerfile);
  return {
    builders: [umoci(source), overlay.builder, vfs.builder, docker.builder],
    async close() {
      await docker.close();
      // Its store with overlay stays mounted on itself.
      for (const { root } of [overlay, vfs]) spawnSync("umount", [join(root, "overlay")], { stdio: "ignore" });
    },
  };
}

/** Two contestants of a builder: with a change, and with none. `changed` makes one, `settled` whether there was none. */
export function builderRows(builder: ImageBuilder, latest: LatestBuild): readonly Contestant[] {
  const { name, missing, command, env, remark = "", slow } = builder;
  const common = { peer: true, missing, command, ...(env && { env }), ...(slow && { rounds: 1, uncounted: true }) };
  const once = slow && missing === undefined ? [remark, "one run"] : [remark];
  const said = { remark: () => once.filter((each) => each !== "").join("; ") };
  return [
    { ...common, ...said, name: `${name}, first`, prepare: () => latest.change(name) },
    { ...common, ...said, name: `${name}, nothing changed`, prepare: () => latest.ensure(name, command, env) },
  ];
}

/** Who has built since the last change. */
export interface LatestBuild {
  /** Makes a change for this builder, who builds next. */
  readonly change: (builder: string) => void;
  /** Runs the builder where somebody changed something since its last run. */
  readonly ensure: (
    builder: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> | undefined,
  ) => Promise<void>;
}

function umoci({ directory, context, folder, host }: Source): ImageBuilder {
  const layout = join(directory, "umoci");
  const push = `skopeo copy --quiet --dest-tls-verify=false oci:${layout}:app docker://${host}/bench/umoci:latest`;
  const insert = `umoci insert --rootless --image ${layout}:app ${join(context, folder)} /layers/${folder}`;
  const script = `rm -rf ${layout}; umoci init --layout ${layout}; umoci new --image ${layout}:app; ${insert}; ${push}`;
  const missing = isInstalled("umoci") && isInstalled("skopeo") ? undefined : "umoci or skopeo is not installed";
  return { name: "umoci insert, skopeo copy", missing, command: ["sh", "-ec", script], slow: false };
}

function buildah(
  { directory, context, host }: Source,
  dockerfile: string,
  driver: "overlay" | "vfs",
): { readonly builder: ImageBuilder; readonly root: string } {
  const root = join(directory, `buildah-${driver}`);
  const store = `buildah --root ${root} --runroot ${root}-run --storage-driver ${driver}`;
  const image = `bench-${driver}`;
  const push = `${store} push --quiet --tls-verify=false ${image} docker://${host}/bench/${image}`;
  const script = `${store} build --quiet --layers -t ${image} -f ${dockerfile} ${context}; ${push}`;
  const missing =
    process.getuid?.() !== 0 ? "needs root" : isInstalled("buildah") ? undefined : "buildah is not installed";
  const command = ["sh", "-ec", script];
  return { builder: { name: `buildah build, push (${driver})`, missing, command, slow: true }, root };
}

async function dockerBuild(
  { directory, context, host }: Source,
  dockerfile: string,
): Promise<{ readonly builder: ImageBuilder; readonly close: () => Promise<void> }> {
  const name = "docker build, push";
  const canRun = canStartEngine("dockerd") && isInstalled("docker");
  const engine = canRun ? await startDockerEngine() : undefined;
  if (engine === undefined) {
    const missing = "docker or dockerd is not installed, or this is not root";
    return { builder: { name, missing, command: [], slow: true }, close: async () => {} };
  }
  const home = join(directory, "docker-home");
  mkdirSync(home);
  const image = `${host}/bench/docker`;
  // The builder in the daemon itself: BuildKit needs a plug-in of the client.
  const env = { HOME: home, DOCKER_HOST: `unix://${engine.socket}`, DOCKER_BUILDKIT: "0" };
  const script = `docker build --quiet -t ${image} -f ${dockerfile} ${context}; docker push --quiet ${image}`;
  return {
    builder: {
      name,
      command: ["sh", "-ec", script],
      env,
      remark: "CPU and memory of the client only",
      slow: true,
    },
    async close() {
      await engine.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
