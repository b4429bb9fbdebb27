// The public entry "tspack/phases": the phases as functions, what they work with, and the errors they throw.
export { type Context, type Progress, type ProgressStep, silentProgress } from "./context.ts";
export {
  type ErrorCode,
  errorCode,
  InputError,
  type InputIssue,
  type RemoteDetails,
  RemoteError,
  TspackError,
} from "./errors.ts";
export { type Logger, type LogLevel, silentLogger } from "./logger.ts";
export { here, type Owner, type Place } from "./layers/place.ts";
export {
  analyze,
  type AnalyzeInputs,
  type AnalyzePorts,
  type RunImageChoice,
  selectRunImage,
} from "./phases/analyze.ts";
export {
  type BuildpackInputs,
  detect,
  type DetectInputs,
  type DetectPorts,
  type DetectResult,
} from "./phases/detect.ts";
export {
  type LayerState,
  restore,
  type RestoredLayer,
  type RestoreInputs,
  type RestorePorts,
  type RestoreResult,
} from "./phases/restore.ts";
export { build, type BuildInputs, type BuildPorts } from "./phases/build.ts";
export { generate, type GenerateInputs, type GeneratePorts, type GenerateResult } from "./phases/generate.ts";
export { extend, type ExtendInputs, type ExtendPorts, type ExtendResult } from "./phases/extend.ts";
export type { ProcessOutput } from "./phases/buildpack-process.ts";

export { create, type CreateInputs, type CreatePorts, type CreateResult } from "./phases/create.ts";
export {
  exportImage,
  type ExportInputs,
  type ExportPlan,
  type ExportPorts,
  type ExportResult,
  planExport,
} from "./phases/export.ts";
export { rebaseImage, type RebaseInputs, type RebasePorts, type RebaseResult } from "./phases/rebase.ts";

export type {
  AccessCheck,
  Credential,
  ImageDeleter,
  ImageSink,
  ImageSource,
  Keychain,
  WriteReport,
} from "./stores/store.ts";
export { memoryStore } from "./stores/memory.ts";
export { layoutStore, type LayoutStore } from "./stores/layout/layout-store.ts";
export { type EngineAddress, parseEngineHost } from "./stores/engine/address.ts";
export { type EngineConnection, engineConnection } from "./stores/engine/connection.ts";
export { engineStore, type EngineStore, type EngineStoreOptions } from "./stores/engine/engine-store.ts";
export { registryStore, type RegistryStore, type RegistryStoreOptions } from "./stores/registry/registry-store.ts";
export { openBlobCache } from "./stores/blob-cache/open.ts";
export { openVolumeCache } from "./cache/volume.ts";
export { openImageCache } from "./cache/image.ts";
