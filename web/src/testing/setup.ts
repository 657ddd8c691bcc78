import { configure } from '@testing-library/react';

// Tests wait long enough for a busy machine; only something that never happens fails.
configure({ asyncUtilTimeout: 120_000 });
