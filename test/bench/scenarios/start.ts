import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import { baseMounts, bubblewrapCommand } from "../../../lifecycle/platform/runners/sandbox/spec.ts";
import { layoutStore } from "../../../lifecycle/stores/layout/layout-store.ts";
import { isInstalled } from "../../fakes/docker-registry.ts";
import { compete, type Contestant } from "../compete.ts";
import { detection } from "../detection.ts";
import { type Bench, ours, type Scenario } from "../scenario.ts";
import { runImage } from "../workloads.ts";

/** How long programs take until they do something. */
export const startScenario: Scenario = {
  name: "start",
  title: "start of the programs, in times an empty Node script",
  async run(bench) {
    const empty = join(bench.directory, "empty.js");
    writeFileSync(empty, "");
    const contestants: readonly Contestant[] = [
      { name: "an empty Node script", peer: true, command: [process.execPath, empty], yardstick: true },
      { name: "tspack --version", command: ours(bench, "tspack", "--version") },
      { name: "tspack --help", command: ours(bench, "tspack", "--help") },
      { name: "lifecycle -version", command: ours(bench, "lifecycle", "-version") },
      detection(bench, "lifecycle detect, one buildpack", 1),
      await inspection(bench),
      { name: "/bin/true", peer: true, command: ["/bin/true"] },
      ...launcher(bench.root, bench.directory),
      ...sandboxes(),
    ];
    return compete(contestants, bench.rounds * 4);
  },
};

/** An image that is here, so that no network is asked. */
async function inspection(bench: Bench): Promise<Contestant> {
  const layout = join(bench.directory, "layout");
  await layoutStore(layout).write(await runImage("inspected"), [parseReference("bench/inspected")]);
  // Certificates that only some machines name cost as much as they are many.
  const env = { TSPACK_HOME: join(bench.directory, "home"), SSL_CERT_FILE: "", SSL_CERT_DIR: "" };
  return { name: "tspack inspect --json", command: ours(bench, "tspack", "inspect", "--json", `oci:${layout}`), env };
}

const arch = process.arch === "arm64" ? "arm64" : "amd64";

function launcher(root: string, directory: string): readonly Contestant[] {
  const program = join(root, `dist/native/linux-${arch}/launcher`);
  if (!existsSync(program)) return [];
  const name = "launcher -- /bin/true";
  const launched = (layers: string): Pick<Contestant, "command" | "env"> => ({
    command: [program, "--", "/bin/true"],
    env: { CNB_PLATFORM_API: "0.12", CNB_LAYERS_DIR: layers, CNB_APP_DIR: directory },
  });
  return [
    { name, ...launched(launchLayers(join(directory, "launch-layers"), "")) },
    { name: `${name}, env and exec.d`, ...launched(launchLayers(join(directory, "launch-layers-env"), buildpack)) },
  ];
}

const buildpack = '[[buildpacks]]\nid = "bench/one"\nversion = "1"\napi = "0.10"\n';

/** Layers for the launcher; those of a buildpack have variables and a program that says more. */
function launchLayers(layers: string, buildpacks: string): string {
  mkdirSync(join(layers, "config"), { recursive: true });
  writeFileSync(join(layers, "config/metadata.toml"), buildpacks === "" ? "processes = []\n" : buildpacks);
  if (buildpacks === "") return layers;
  const layer = join(layers, "bench_one/layer");
  for (const folder of ["env", "exec.d"]) mkdirSync(join(layer, folder), { recursive: true });
  writeFileSync(join(layer, "env/ONE.override"), "1");
  writeFileSync(join(layer, "env/PATH.prepend"), "/opt/one/bin");
  writeFileSync(join(layer, "exec.d/one"), "#!/bin/sh\necho 'TWO = \"2\"' >&3\n", { mode: 0o755 });
  return layers;
}

function sandboxes(): readonly Contestant[] {
  if (!isInstalled("bwrap")) return [];
  const mounts = baseMounts;
  const where = { root: "/", uid: 1000, gid: 1000, workdir: "/", mounts, network: false, env: {} } as const;
  const { file, args } = bubblewrapCommand("bwrap", { ...where, command: ["/bin/true"] });
  return [{ name: "sandbox (bubblewrap), /bin/true", command: [file, ...args] }];
}
