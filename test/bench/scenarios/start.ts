import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { baseMounts, bubblewrapCommand } from "../../../lifecycle/platform/runners/sandbox/spec.ts";
import { isInstalled } from "../../fakes/docker-registry.ts";
import { compete, type Contestant } from "../measure.ts";
import { ours, type Scenario } from "../scenario.ts";

/** How long programs take until they do something. */
export const startScenario: Scenario = {
  name: "start",
  title: "start of the programs, in times an empty Node script",
  async run(bench) {
    const empty = join(bench.directory, "empty.js");
    writeFileSync(empty, "");
    const contestants: readonly Contestant[] = [
      { name: "an empty Node script", command: [process.execPath, empty], yardstick: true },
      { name: "tspack --version", command: ours(bench, "tspack", "--version") },
      { name: "tspack --help", command: ours(bench, "tspack", "--help") },
      { name: "lifecycle -version", command: ours(bench, "lifecycle", "-version") },
      { name: "lifecycle detect, one buildpack", ...emptyDetect(bench) },
      { name: "/bin/true", command: ["/bin/true"] },
      ...launcher(bench.root, bench.directory),
      ...sandboxes(),
    ];
    return compete(contestants, bench.rounds * 4);
  },
};

/** A whole phase with the least that it can have to do: one buildpack that passes at once. */
function emptyDetect(bench: Parameters<Scenario["run"]>[0]): Omit<Contestant, "name"> {
  const { directory } = bench;
  const buildpack = join(directory, "buildpacks/bench_one/1");
  for (const folder of ["app", "layers", "platform/env"]) mkdirSync(join(directory, folder), { recursive: true });
  mkdirSync(join(buildpack, "bin"), { recursive: true });
  writeFileSync(join(buildpack, "bin/detect"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(buildpack, "bin/build"), "#!/bin/sh\n", { mode: 0o755 });
  const definition = 'api = "0.10"\n[buildpack]\nid = "bench/one"\nversion = "1"\n[[targets]]\n';
  writeFileSync(join(buildpack, "buildpack.toml"), definition);
  writeFileSync(join(directory, "order.toml"), '[[order]]\n[[order.group]]\nid = "bench/one"\nversion = "1"\n');
  writeFileSync(join(directory, "layers/analyzed.toml"), '[run-image.target]\nos = "linux"\narch = "amd64"\n');
  const paths = ["app", "layers", "platform", "buildpacks"].flatMap((name) => [`-${name}`, join(directory, name)]);
  const order = join(directory, "order.toml");
  const detect = ours(bench, "lifecycle", "detect", ...paths, "-order", order);
  // Detection refuses to run as root.
  const asUser = process.getuid?.() === 0 ? ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"] : [];
  if (asUser.length > 0) for (const path of [directory, join(directory, "layers")]) chmodSync(path, 0o777);
  return {
    command: [...asUser, ...detect],
    env: { CNB_PLATFORM_API: "0.12" },
  };
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
