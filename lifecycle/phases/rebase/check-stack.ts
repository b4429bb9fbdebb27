import { TspackError } from "../../errors.ts";

/** Labels of an image. */
export type Labels = Readonly<Record<string, string>>;

const stackLabel = "io.buildpacks.stack.id";
const mixinsLabel = "io.buildpacks.stack.mixins";

/** Whether the new base is of the app's stack and has its mixins: images below Platform API 0.12. Throws `NOT_REBASABLE`. */
export function checkStack(app: Labels, newBase: Labels): void {
  const [appStack, newStack] = [app[stackLabel] ?? "", newBase[stackLabel] ?? ""];
  if (appStack === "") throw refused("stack not defined on app image");
  if (newStack === "") throw refused("stack not defined on new base image");
  if (appStack !== newStack) throw refused(`incompatible stack: '${newStack}' is not compatible with '${appStack}'`);
  const has = new Set(mixins(newBase, "run image"));
  const missing = mixins(app, "app image").filter((mixin) => !has.has(mixin));
  if (missing.length > 0) throw refused(`missing required mixin(s): ${[...new Set(missing)].sort().join(", ")}`);
}

/** Mixins without their stage: `run:curl` is `curl`. */
function mixins(labels: Labels, image: string): readonly string[] {
  const text = labels[mixinsLabel] ?? "";
  if (text === "") return [];
  try {
    const list: unknown = JSON.parse(text);
    if (list === null) return [];
    if (Array.isArray(list) && list.every((item) => typeof item === "string")) {
      return list.map((mixin) => mixin.replace(/^[^:]*:/, ""));
    }
  } catch {
    // The same failure as for JSON of another shape.
  }
  const problem = `failed to unmarshal context of label '${mixinsLabel}'`;
  throw refused(`get ${image} mixins: ${problem}: expected a list of names, found ${text}`);
}

function refused(message: string): TspackError {
  return new TspackError("NOT_REBASABLE", message, { hint: `compare the labels ${stackLabel} and ${mixinsLabel}` });
}
