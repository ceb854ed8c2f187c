import fc from 'fast-check';

// No time limit of the test runner interrupts a property, nor the search for its smallest counter-example.
fc.configureGlobal({ interruptAfterTimeLimit: 50_000 });
