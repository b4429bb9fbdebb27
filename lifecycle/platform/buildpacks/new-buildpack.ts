import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildpackFeatures } from "../../cnb/api/buildpack.ts";
import { buildpackIdProblem, versionProblem } from "../../cnb/ids.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import { fields, type TomlOutput, writeToml } from "../../toml.ts";
import type { NamedTarget } from "./read-platform.ts";

/** What a new buildpack is like. */
export interface NewBuildpack {
  readonly id: string;
  readonly version: string;
  readonly api: string;
  /** The directory that is made. */
  readonly path: string;
  readonly targets: readonly NamedTarget[];
}

const detect = `#!/usr/bin/env bash
# Decides whether this buildpack takes part: exit 0 for yes, 100 for no.
# $CNB_BUILD_PLAN_PATH takes what it provides and requires.
set -euo pipefail

exit 0
`;

const build = `#!/usr/bin/env bash
# Contributes layers to $CNB_LAYERS_DIR; each is a directory with a NAME.toml beside it.
# Processes of the image are declared in $CNB_LAYERS_DIR/launch.toml.
set -euo pipefail

echo "---> \${0##*/} of $(basename "$(dirname "$CNB_BUILDPACK_DIR")")"
exit 0
`;

/**
 * Makes the directory of a buildpack that takes part in every build and does nothing yet. Returns
 * the names of its files. Throws `INVALID_ARGUMENTS`, `BUILDPACK_API_UNSUPPORTED`.
 */
export async function newBuildpack(inputs: NewBuildpack): Promise<readonly string[]> {
  check(inputs);
  const files: Readonly<Record<string, string>> = {
    "buildpack.toml": descriptorText(inputs),
    "bin/detect": detect,
    "bin/build": build,
  };
  for (const [name, content] of Object.entries(files)) {
    const path = join(inputs.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { flag: "wx" });
    if (name.startsWith("bin/")) await chmod(path, 0o755);
  }
  return Object.keys(files);
}

function check({ id, version, api, path }: NewBuildpack): void {
  const problems: readonly (readonly [source: string, expected: string | undefined, got: string])[] = [
    ["<id>", buildpackIdProblem(id), id],
    ["--version", versionProblem(version), version],
    ["--path", existsSync(path) ? "a path where nothing is yet" : undefined, path],
  ];
  const issues = problems.flatMap(([source, expected, got]): readonly InputIssue[] =>
    expected === undefined ? [] : [{ source, path: "", expected, got: JSON.stringify(got) }],
  );
  if (issues.length > 0) throw new InputError("INVALID_ARGUMENTS", "the buildpack can not be made", issues);
  buildpackFeatures(api, { kind: "Buildpack", name: `${id}@${version}` });
}

function descriptorText({ id, version, api, targets }: NewBuildpack): string {
  const target = ({ platform, distros }: NamedTarget): TomlOutput =>
    fields({
      os: platform.os,
      arch: platform.architecture,
      variant: platform.variant,
      distros:
        distros.length === 0 ? undefined : distros.map(({ name, version: own }) => fields({ name, version: own })),
    });
  return writeToml(
    fields({
      api,
      buildpack: fields({ id, version }),
      targets: targets.length === 0 ? undefined : targets.map(target),
    }),
  );
}
