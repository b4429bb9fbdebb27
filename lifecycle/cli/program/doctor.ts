import type { Command } from "commander";
import type { TspackHost } from "../toolbox.ts";
import { action, collect, command, common, examples, outputOptions } from "./declare.ts";

/** `tspack doctor`, `tspack report` and `tspack version`. */
export function addDoctor(program: Command, host: TspackHost): void {
  const doctor = command(program, "doctor", "Show what this machine can do, and what to do about what it can not")
    .option("--registry <host>", "check this registry as well (repeatable)", collect)
    .option("--json", "print as JSON");
  action(common(doctor), host, async () => (await import("../commands/doctor.ts")).doctor);
  examples(doctor, ["tspack doctor", "tspack doctor --registry registry.example.com --json"]);
  const report = command(program, "report", "Print versions and settings for a bug report, without names of yours")
    .option("-e, --explicit", "print names of images, hosts and paths as well")
    .option("--json", "print as JSON");
  action(outputOptions(report), host, async () => (await import("../commands/report.ts")).report);
  examples(report, ["tspack report", "tspack report --explicit --json"]);
  const version = command(program, "version", "Print the version").option("--json", "print as JSON");
  action(outputOptions(version), host, async () => (await import("../commands/version.ts")).printVersion);
  examples(version, ["tspack version", "tspack version --json"]);
}
