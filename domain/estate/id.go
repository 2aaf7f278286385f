package estate

// MaxID is the largest identifier: 2^53-1, the largest whole number that a
// JavaScript client holds exactly. The smallest is 1.
const MaxID = 1<<53 - 1
