import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { BuildMetadata } from "../../lifecycle/cnb/files/metadata-toml.ts";
import type { Plan } from "../../lifecycle/cnb/files/plan.ts";
import { build } from "../../lifecycle/phases/build.ts";
import type { BuildpackInputs } from "../../lifecycle/phases/detect.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

interface Options {
  readonly api?: string;
  readonly bpApi?: string;
  readonly plan?: Plan;
  readonly inputs?: Partial<BuildpackInputs>;
}

/** Builds with the buildpacks of a builder, and what comes of it. */
export interface Building {
  readonly builder: Fixture;
  /** What the buildpacks printed. */
  readonly printed: string;
  readonly run: (ids: readonly string[], options?: Options) => Promise<BuildMetadata>;
  readonly layer: (path: string) => string;
  readonly read: (path: string) => string;
}

/** A line of a script that writes a file of the layers directory. */
export const toml = (name: string, text: string): string => `cat > "$1/${name}.toml" <<'EOF'\n${text}\nEOF`;

/** Gives every test of the file that calls it a builder of its own. */
export function building(): Building {
  let builder: Fixture;
  let printed = "";
  beforeEach(() => {
    builder = fixture();
    printed = "";
  });
  afterEach(() => builder.remove());
  const layer = (path: string): string => join(builder.layers.path, path);
  return {
    get builder() {
      return builder;
    },
    get printed() {
      return printed;
    },
    run: (ids, { api, bpApi = "0.10", plan = { entries: [] }, inputs } = {}) =>
      build(
        {
          ...builder.inputs(api, inputs),
          group: ids.map((id) => ({ id, version: "1.0.0", api: bpApi })),
          groupExtensions: [],
          plan,
          layers: builder.layers,
        },
        { output: { kind: "stream", write: (bytes) => (printed += Buffer.from(bytes).toString()) }, ctx: builder.ctx },
      ),
    layer,
    read: (path) => readFileSync(layer(path), "utf8"),
  };
}
