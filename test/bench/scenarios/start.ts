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
  const env = { TSPACK_HOME: join(bench.directory, "home") };
  return { name: "tspack inspect --json", command: ours(bench, "tspack", "inspect", "--json", `oci:${layout}`), env };
}

const arch = process.arch === "arm64" ? "arm64" : "amd64";

function launcher(root: string, directory: string): readonly Contestant[] {
  const program = join(root, `dist/native/linux-${arch}/launcher`);
  if (!existsSync(program)) return [];
  const layers = join(directory, "launch-layers");
  mkdirSync(join(layers, "config"), { recursive: true });
  writeFileSync(join(layers, "config/metadata.toml"), "processes = []\n");
  const env = { CNB_PLATFORM_API: "0.12", CNB_LAYERS_DIR: layers, CNB_APP_DIR: directory };
  return [{ name: "launcher -- /bin/true", command: [program, "--", "/bin/true"], env }];
}

function sandboxes(): readonly Contestant[] {
  if (!isInstalled("bwrap")) return [];
  const mounts = baseMounts;
  const where = { root: "/", uid: 1000, gid: 1000, workdir: "/", mounts, network: false, env: {} } as const;
  const { file, args } = bubblewrapCommand("bwrap", { ...where, command: ["/bin/true"] });
  return [{ name: "sandbox (bubblewrap), /bin/true", command: [file, ...args] }];
}
