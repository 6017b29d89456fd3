// Validation of what clients send. A form reads an unknown value, gives a typed copy, and reports what is wrong in Discord's
// error tree: nested keys and indexes ending in `_errors`. Unknown keys are dropped, only own keys are read, and outputs are
// built key by key from the form, so that `__proto__` or `constructor` in a body touch nothing.
// Source: discord.com/developers/docs/reference#error-messages

export {
  codePointLength,
  fail,
  type Form,
  FORM_ERRORS_MAX,
  formError,
  hasErrors,
  type Infer,
  newTree,
  type OptionalForm,
  queryObject,
  type Shape,
  type ShapeOf,
  validate,
} from './form/core.ts';
export * from './form/scalars.ts';
export * from './form/structures.ts';
