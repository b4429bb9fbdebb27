import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { skipWithout } from "./require-tools.ts";
import { buildpackDirectory, capture, type Outcome, type Workspace } from "./workspace.ts";

/**
 * A PATH on which python3 is a program and not a script that chooses one by the files of the
 * application, as those of version switchers are.
 */
export const PYTHON_PATH = existsSync("/usr/bin/python3") ? "/usr/bin:/bin" : (process.env["PATH"] ?? "");

/** Like skipWithout, for a Python of 3.11 or newer and a pip, installed or as a wheel. */
export function skipWithoutPython(): { readonly skip: boolean; readonly note: string } {
  const tools = skipWithout("bash", "python3");
  if (tools.skip) return tools;
  const probe =
    "import glob, sys, tomllib\nif not glob.glob('/usr/share/python-wheels/pip-*.whl'):\n  import pip\nprint(sys.version)";
  try {
    execFileSync("python3", ["-I", "-c", probe], { env: { PATH: PYTHON_PATH }, stdio: "pipe" });
    return tools;
  } catch {
    if (process.env["CI"]) throw new Error("CI lacks Python 3.11 or newer with pip, or with Debian's python3-pip-whl");
    return { skip: true, note: " (needs Python 3.11 or newer and pip)" };
  }
}

/** What `lib/wanted.py` of a buildpack makes of the application: its output and the file `hashed.txt` or `plain.txt`. */
export function readWanted(workspace: Workspace, id: string, execEnv = "production"): Promise<Outcome> {
  const script = `set -eu
source "$LIB/output.sh"; source "$LIB/venv.sh"
mkdir -p "$SCRATCH/wanted"; find_pip; run_python wanted.py "$SCRATCH/wanted" >&2
cat "$SCRATCH/wanted/hashed.txt" "$SCRATCH/wanted/plain.txt"`;
  const directory = buildpackDirectory(id);
  return capture(["bash", "-c", script], workspace.app, {
    PATH: PYTHON_PATH,
    BUILDPACK_DIR: directory,
    BUILDPACK_ID: `tspack/${id}`,
    LIB: join(directory, "lib"),
    LAYERS: workspace.layers(id),
    SCRATCH: workspace.platform,
    CNB_EXEC_ENV: execEnv,
  });
}
