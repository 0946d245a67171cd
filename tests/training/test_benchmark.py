import re

from training import benchmark


def test_both_loops_are_timed_in_turns(tiny_root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GAN_STUDIO_CACHE", str(tmp_path))
    small = ["--set", "batch_size=4", "--set", "generator.width=4", "--set", "discriminator.width=4"]
    assert benchmark.main(["--data-root", str(tiny_root), "--seconds", "0.2", "--rounds", "2", *small]) == 0
    rounds = re.findall(r"this loop +([\d.]+) +plain loop +([\d.]+) +ratio ([\d.]+)", capsys.readouterr().out)
    assert len(rounds) == 2
    for ours, plain, ratio in rounds:
        assert float(ours) > 0 and abs(float(ours) / float(plain) - float(ratio)) < 0.02


def test_missing_data_get_one_sentence(tmp_path, capsys):
    assert benchmark.main(["--data-root", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
