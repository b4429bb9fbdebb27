// The public entry "tspack": what the command line does, as functions with events instead of text.
// The phases one by one are "tspack/phases".
export {
  build,
  inspect,
  type InspectRequest,
  type LibraryOptions,
  planRebase,
  rebase,
  rebaseAll,
  type RebaseAllRequest,
} from "./library.ts";
export type { BuildResult } from "./platform/build/build.ts";
export type { BuildOutput, BuildRequest, CacheRequest, PullPolicy, RunnerChoice } from "./platform/build/request.ts";
export type { BuildSummary, LayerSummary } from "./platform/build/summary.ts";
export type { BuildEvent, BuildEventBody, BuildPhase, OnEvent } from "./platform/events.ts";
export type { Inspection } from "./platform/inspect/inspect-image.ts";
export type { IndexedImage, InspectedIndex } from "./platform/inspect/indexed-images.ts";
export type {
  PlatformPlan,
  PlatformSummary,
  RebaseOutcome,
  RebasePlan,
  RebaseRequest,
  RebaseSummary,
} from "./platform/rebase/request.ts";
export {
  type ErrorCode,
  errorCode,
  InputError,
  type InputIssue,
  type RemoteDetails,
  RemoteError,
  TspackError,
} from "./errors.ts";
