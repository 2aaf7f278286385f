package domain

// How the number of a [BatchJob.Version] is put together: the epoch, where in
// its life the job is within that, and what there grows alone. 36 bits are more
// than the items of any job, three times; and the whole stays below 2^53, to
// which a number in JSON is exact, for 16,000 epochs.
const (
	versionStageBits = 3
	versionCountBits = 36
)

// Version returns a number that grows with every change of the stored job that
// a reader can see, and is the same for the same stored job wherever it is
// read. It is 1 or more, and says nothing but which of two states of one job is
// the newer.
func (j *BatchJob) Version() int64 {
	s := j.s
	// A worker that takes the job over may set its state back, but raises the
	// epoch. Under one epoch nothing of this ever falls, so the sum grows with
	// each of them.
	count := 1 + int64(s.Report.Total) + int64(s.Report.Ended()) + int64(s.Processed) + s.Sequence
	if s.CancelRequested {
		count++
	}
	count = min(count, 1<<versionCountBits-1)
	return (s.Epoch<<versionStageBits|s.State.stage())<<versionCountBits | count
}

// stage is how far in a job's life the state is: its ends are one.
func (s JobState) stage() int64 {
	switch s {
	case JobQueued:
		return 0
	case JobPlanning:
		return 1
	case JobRunning:
		return 2
	case JobFinishing:
		return 3
	case JobCompleted, JobCancelled, JobFailed:
	}
	return 4
}
