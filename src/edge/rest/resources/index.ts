// Every resource's routes, in one list.

import type { Route } from '../route.ts';

export const ROUTES: readonly Route[] = [];
