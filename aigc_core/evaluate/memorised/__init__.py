"""Whether samples are copies of training data: judged by how near held-out data come to it."""
