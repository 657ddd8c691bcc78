import { configure } from '@testing-library/react';

// What a test waits for comes when it comes, on a busy machine too; only what never comes fails.
configure({ asyncUtilTimeout: 120_000 });
