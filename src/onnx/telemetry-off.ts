// Imported for its effect, before the runtime is: ONNX Runtime carries a telemetry uploader, and this
// is its switch. Only the main thread's environment is the process's own, a worker's is a copy: the
// main thread has to import this before it starts one.
process.env['ORT_DISABLE_TELEMETRY'] = '1';
